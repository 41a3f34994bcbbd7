"""Walking folders, and what changed since the last time."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import InputError
from indexer.images.opening import REASONS
from indexer.indexing import scan
from indexer.indexing.globs import Globs
from indexer.indexing.scan import Changes, Found, Unreadable, compare, moves, still_there, walk
from indexer.records import KnownFile
from tests.badfiles import encode, make_bad_folder, make_odd_folder, picture


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(
    top: Path, include: Sequence[str] = (), exclude: Sequence[str] = (), known: Sequence[str] = ()
) -> list[str]:
    items = walk([top], include, exclude, known=set(known))
    return [os.path.relpath(item.path, top) for item in items]


def test_walk_finds_images_in_order(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("b/z.jpg", "b/a.PNG", "a/c.webp", "y.gif", "x.tif")))
    touch(*(tmp_path / name for name in ("note.txt", "a/c.webp.json", "b/z.xmp", "a/archive.zip")))
    found = names(tmp_path)
    assert found == ["x.tif", "y.gif", "a/c.webp", "b/a.PNG", "b/z.jpg"]
    assert found == names(tmp_path)


def test_found_has_absolute_path_size_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "a.jpg")
    os.utime(tmp_path / "a.jpg", ns=(1, 1_700_000_000_123_456_789))
    monkeypatch.chdir(tmp_path)
    assert list(walk(["."])) == [Found(str(tmp_path / "a.jpg"), 1, 1_700_000_000_123_456_789)]


def test_hidden_names_are_left_out_below_the_root(tmp_path: Path) -> None:
    top = tmp_path / ".pictures"
    hidden = (".a.jpg", "._b.jpg", ".thumbnails/c.jpg", "@eaDir/d.jpg", "__MACOSX/e.jpg")
    touch(top / "seen.jpg", *(top / name for name in hidden))
    assert names(top) == ["seen.jpg"]


def test_files_without_extension_are_judged_by_their_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "9f86d081").write_bytes(encode(picture(), "JPEG"))
    touch(tmp_path / "LICENSE", tmp_path / "Makefile")
    os.mkfifo(tmp_path / "pipe")
    assert names(tmp_path) == ["9f86d081"]


def test_known_files_without_extension_are_not_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "known")
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("opened"))
    assert names(tmp_path, known=[str(tmp_path / "known")]) == ["known"]


def test_include_and_exclude(tmp_path: Path) -> None:
    touch(*(tmp_path / n for n in ("a.jpg", "b.txt", "raw/c.JPG", "raw/old/d.jpg", "e.png")))
    assert names(tmp_path, include=["*.jpg"]) == ["a.jpg", "raw/c.JPG", "raw/old/d.jpg"]
    assert names(tmp_path, include=["*"]) == [
        "a.jpg",
        "b.txt",
        "e.png",
        "raw/c.JPG",
        "raw/old/d.jpg",
    ]
    assert names(tmp_path, include=["raw/*"]) == ["raw/c.JPG"]
    assert names(tmp_path, include=["raw/**"]) == ["raw/c.JPG", "raw/old/d.jpg"]
    assert names(tmp_path, exclude=["raw"]) == ["a.jpg", "e.png"]
    assert names(tmp_path, exclude=["old/"]) == ["a.jpg", "e.png", "raw/c.JPG"]
    assert names(tmp_path, exclude=["raw/**"]) == ["a.jpg", "e.png"]
    assert names(tmp_path, include=["*.jpg"], exclude=["a.*", "**/old/*"]) == ["raw/c.JPG"]


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("*.jpg", "deep/in/a.JPG", True),
        ("*.jpg", "a.jpg.txt", False),
        ("a/*.jpg", "a/b/c.jpg", False),
        ("a/**/*.jpg", "a/c.jpg", True),
        ("a/**/*.jpg", "a/b/d/c.jpg", True),
        ("**/a?.jpg", "x/ab.jpg", True),
        ("/top.jpg", "top.jpg", True),
        ("/top.jpg", "x/top.jpg", False),
        ("[!a]*.png", "b.png", True),
        ("[!a]*.png", "a.png", False),
        ("img[0-9].png", "img7.png", True),
        ("a+(b).jpg", "a+(b).jpg", True),
        ("[x.jpg", "[x.jpg", True),
        ("*.jpg", "new\nline.jpg", True),
    ],
)
def test_globs(glob: str, path: str, matches: bool) -> None:
    assert Globs([glob]).match(path) is matches


@pytest.mark.parametrize("glob", ["", "/", "[z-a]"])
def test_malformed_globs_are_named(glob: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a glob"):
        walk([tmp_path], [glob])


def test_a_missing_root_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone.* does not exist: check the path"):
        walk([tmp_path, tmp_path / "gone"])


def test_a_root_may_be_a_file_of_any_name(tmp_path: Path) -> None:
    touch(tmp_path / ".odd.name")
    assert [item.path for item in walk([tmp_path / ".odd.name"])] == [str(tmp_path / ".odd.name")]


def test_overlapping_roots_give_each_path_once(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "b" / "c.jpg", tmp_path / "d.jpg")
    roots = [tmp_path / "a" / "b", tmp_path, tmp_path, tmp_path / "d.jpg"]
    paths = [item.path for item in walk(roots)]
    assert sorted(paths) == [str(tmp_path / "a/b/c.jpg"), str(tmp_path / "d.jpg")]


def test_links_are_followed_and_loops_cut(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "1.jpg")
    (tmp_path / "b").symlink_to("a", target_is_directory=True)
    (tmp_path / "a" / "up").symlink_to("..", target_is_directory=True)
    (tmp_path / "a" / "self").symlink_to(".", target_is_directory=True)
    (tmp_path / "2.jpg").symlink_to("a/1.jpg")
    assert names(tmp_path) == ["2.jpg", "a/1.jpg", "b/1.jpg"]


def test_a_maze_of_links_stays_small(tmp_path: Path) -> None:
    folders = [tmp_path / f"{i:02}" for i in range(12)]
    for folder in folders:
        touch(folder / "x.jpg")
    for folder in folders:
        for other in folders:
            if other != folder:
                (folder / other.name).symlink_to(other, target_is_directory=True)
    found = names(tmp_path)
    assert len(found) <= 2 * len(folders)
    assert {f"{folder.name}/x.jpg" for folder in folders} <= set(found)


def test_bad_folder(tmp_path: Path) -> None:
    expected = make_bad_folder(tmp_path)
    items = {os.path.relpath(item.path, tmp_path): item for item in walk([tmp_path])}
    assert items.keys() == expected.keys()
    for name, item in items.items():
        if isinstance(item, Unreadable):
            assert item.reason == expected[name]
            assert item.reason in REASONS
        else:
            assert expected[name] not in ("not-a-file", "broken-link")


def test_odd_folder(tmp_path: Path) -> None:
    expected = make_odd_folder(tmp_path)
    assert set(names(tmp_path)) == set(expected)


def test_an_unreadable_folder_is_reported_and_its_files_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = tmp_path / "locked"
    touch(locked / "deep" / "a.jpg", tmp_path / "b.jpg", tmp_path / "gone.jpg")
    known = {
        i.path: KnownFile(1, i.mtime_ns, "h") for i in walk([tmp_path]) if isinstance(i, Found)
    }
    (tmp_path / "gone.jpg").unlink()
    real = os.scandir

    def refuse(path: str) -> object:
        if path == str(locked):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    changes = compare(walk([tmp_path]), known)
    (unreadable,) = changes.unreadable
    assert (unreadable.path, unreadable.reason) == (str(locked), "unreadable")
    assert unreadable.detail.startswith("Permission denied: ")
    assert changes.unchanged == [str(tmp_path / "b.jpg")]
    assert changes.gone == [str(tmp_path / "gone.jpg")]


def test_a_file_deleted_during_the_walk_is_passed_over(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "b.jpg")
    items = walk([tmp_path])
    next(items)
    (tmp_path / "b.jpg").unlink()
    assert list(items) == []


def test_a_file_that_became_a_pipe_is_gone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    path = str(tmp_path / "a.jpg")
    changes = compare(walk([tmp_path]), {path: KnownFile(1, 1, "h")})
    assert changes.gone == [path]


def test_compare_names_every_kind() -> None:
    known = {
        "/a": KnownFile(1, 1, "h1"),
        "/b": KnownFile(1, 1, "h2"),
        "/c": KnownFile(1, 1, None),
        "/d": KnownFile(1, 1, "h4"),
        "/e": KnownFile(1, -1, "h5"),
    }
    found = [Found("/a", 1, 1), Found("/b", 1, 2), Found("/c", 1, 1), Found("/n", 1, 1)]
    changes = compare([*found, Found("/e", 1, 1)], known)
    assert changes.unchanged == ["/a", "/c"]
    assert [item.path for item in changes.to_open] == ["/b", "/n", "/e"]
    assert changes.gone == ["/d"]
    assert compare([], {}) == Changes()


PATHS = st.sampled_from([f"/{a}/{b}" for a in "xyz" for b in "123"])
NUMBERS = st.integers(0, 2)


@given(
    st.dictionaries(PATHS, st.tuples(NUMBERS, NUMBERS)),
    st.dictionaries(PATHS, st.builds(KnownFile, NUMBERS, NUMBERS, st.none() | st.text("ab"))),
    st.sets(st.sampled_from(["/x", "/y", "/z/1"])),
)
def test_compare_splits_everything_once(
    disk: dict[str, tuple[int, int]], known: dict[str, KnownFile], blind: set[str]
) -> None:
    hidden = {p for p in set(disk) | set(known) if any(f"{p}/".startswith(f"{b}/") for b in blind)}
    found = [Found(path, *stat) for path, stat in disk.items() if path not in hidden]
    changes = compare([*found, *(Unreadable(b, "unreadable", "") for b in blind)], known)
    opened = {item.path for item in changes.to_open}
    unchanged, gone = set(changes.unchanged), set(changes.gone)
    assert unchanged | opened == {item.path for item in found}
    assert not unchanged & opened
    assert gone == set(known) - set(disk) - hidden
    assert all(disk[path] == known[path][:2] for path in unchanged)
    assert all(path not in known or disk[path] != known[path][:2] for path in opened)


@given(st.dictionaries(PATHS, st.text("ab", min_size=1)), st.dictionaries(PATHS, st.text("ab")))
def test_moves_pair_equal_content_once(opened: dict[str, str], before: dict[str, str]) -> None:
    known = {path: KnownFile(1, 1, content or None) for path, content in before.items()}
    gone = set(known) - set(opened)
    pairs = moves(opened, gone, known)
    assert len(set(pairs.values())) == len(pairs)
    assert all(known[old].content_hash == opened[new] for new, old in pairs.items())
    assert set(pairs.values()) <= gone


def test_still_there_tells_left_out_from_gone(tmp_path: Path) -> None:
    touch(tmp_path / "a.png")
    paths = [str(tmp_path / name) for name in ("a.png", "b.png", "no/c.png")]
    assert still_there(paths) == {paths[0]}


def test_unchanged_files_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "sub" / "b.png")
    known = {
        i.path: KnownFile(i.size, i.mtime_ns, "h") for i in walk([tmp_path]) if isinstance(i, Found)
    }
    for opener in ("open", "fdopen"):
        monkeypatch.setattr(os, opener, lambda *_: pytest.fail("opened"))
    assert compare(scan.walk([tmp_path]), known).unchanged == list(known)
