"""Walking folders, and what changed since the last time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.badfiles import encode, make_bad_folder, make_odd_folder, picture
from vitrail.indexer.errors import InputError
from vitrail.indexer.images.opening import REASONS
from vitrail.indexer.indexing.globs import Globs, PathFilter, rebase
from vitrail.indexer.indexing.scan import FoundFile, Unreadable, Walk


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def walk(
    start: Path | str,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    known: Sequence[str] = (),
) -> list[FoundFile | Unreadable]:
    return list(Walk(os.path.abspath(start), PathFilter(include, exclude), known=set(known)))


def names(
    top: Path, include: Sequence[str] = (), exclude: Sequence[str] = (), known: Sequence[str] = ()
) -> list[str]:
    return [os.path.relpath(item.path, top) for item in walk(top, include, exclude, known)]


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
    assert walk(".") == [FoundFile(str(tmp_path / "a.jpg"), 1, 1_700_000_000_123_456_789)]


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
        walk(tmp_path, [glob])


def test_a_root_may_be_a_file_of_any_name(tmp_path: Path) -> None:
    touch(tmp_path / ".odd.name")
    assert [item.path for item in walk(tmp_path / ".odd.name")] == [str(tmp_path / ".odd.name")]


def test_a_part_of_a_folder_is_walked_by_the_globs_of_the_whole(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("a/b/c.jpg", "a/b/no/d.jpg", "a/e.jpg")))
    selection = PathFilter((), ["a/b/no/**"])
    items = Walk(str(tmp_path / "a" / "b"), selection, base=str(tmp_path))
    assert [item.path for item in items] == [str(tmp_path / "a/b/c.jpg")]
    apart = frozenset((str(tmp_path / "a" / "b"),))
    items = Walk(str(tmp_path), PathFilter(), apart=apart)
    assert [item.path for item in items] == [str(tmp_path / "a/e.jpg")]


def test_other_kinds_are_counted_where_names_decide(tmp_path: Path) -> None:
    touch(
        *(tmp_path / name for name in ("a.jpg", "b.CR2", "x/c.svg", "x/d.cr2", "notes", ".e.cr2"))
    )
    found = Walk(str(tmp_path), PathFilter((), ["*.svg"]))
    assert len(list(found)) == 1
    assert found.other_kinds == {".cr2": 2, "": 1}
    chosen = Walk(str(tmp_path), PathFilter(["*.jpg"]))
    assert len(list(chosen)) == 1
    assert not chosen.other_kinds


def test_disks_below_a_folder_are_noticed(tmp_path: Path, small_disk: Path) -> None:
    touch(small_disk / "a.jpg", tmp_path / "b.jpg")
    found = Walk(str(tmp_path), PathFilter())
    assert len(list(found)) == 2
    assert found.mounts == ["disk"]
    itself = Walk(str(small_disk), PathFilter())
    assert len(list(itself)) == 1
    assert itself.mounts == [""]


@pytest.mark.parametrize(
    ("glob", "folder", "expected"),
    [
        ("*.gif", "2024", "*.gif"),
        ("old/", "2024", "old/"),
        ("2024/private/**", "2024", "private/**"),
        ("2024/*.jpg", "2024", "/*.jpg"),
        ("20*/x/", "2024", "/x/"),
        ("**/private/*", "2024", "**/private/*"),
        ("a/**/b.jpg", "a/c", "**/b.jpg"),
        ("2023/private/**", "2024", None),
        ("/top.jpg", "2024", None),
    ],
)
def test_globs_mean_the_same_below(glob: str, folder: str, expected: str | None) -> None:
    assert rebase(glob, folder) == expected


def test_links_are_followed_and_loops_cut(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "1.jpg")
    (tmp_path / "b").symlink_to("a", target_is_directory=True)
    (tmp_path / "a" / "up").symlink_to("..", target_is_directory=True)
    (tmp_path / "a" / "self").symlink_to(".", target_is_directory=True)
    (tmp_path / "2.jpg").symlink_to("a/1.jpg")
    assert names(tmp_path) == ["2.jpg", "a/1.jpg", "b/1.jpg"]


def test_no_link_is_followed_out_of_where_it_may_lead(tmp_path: Path) -> None:
    root, away = tmp_path / "root", tmp_path / "root-not"
    touch(root / "in" / "1.jpg")
    touch(away / "2.jpg")
    touch(away / "bare")
    (root / "in.jpg").symlink_to("in/1.jpg")
    (root / "same").symlink_to("in", target_is_directory=True)
    for name, target in (("out", away), ("out.jpg", away / "2.jpg"), ("dead.jpg", away / "3.jpg")):
        (root / name).symlink_to(target)
    (root / "bare").symlink_to(away / "bare")
    (root / "text.txt").symlink_to(away / "bare")
    items = {
        os.path.relpath(one.path, root): isinstance(one, Unreadable) and one.reason
        for one in Walk(str(root), PathFilter(), within=[os.path.realpath(root)])
    }
    outside = dict.fromkeys(("out", "out.jpg", "dead.jpg"), "outside")
    assert items == outside | {"in/1.jpg": False, "in.jpg": False, "same/1.jpg": False}
    excluded = Walk(str(root), PathFilter((), ["out*", "dead*"]), within=[os.path.realpath(root)])
    assert not [one for one in excluded if isinstance(one, Unreadable)]
    (start,) = Walk(str(root / "out"), PathFilter(), within=[os.path.realpath(root)])
    assert isinstance(start, Unreadable)
    assert start.reason == "outside"
    wider = Walk(str(root), PathFilter(), within=[os.path.realpath(tmp_path)])
    assert str(root / "out" / "2.jpg") in {one.path for one in wider}


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
    items = {os.path.relpath(item.path, tmp_path): item for item in walk(tmp_path)}
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


def test_a_file_deleted_during_the_walk_is_passed_over(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "b.jpg")
    items = iter(Walk(str(tmp_path), PathFilter()))
    next(items)
    (tmp_path / "b.jpg").unlink()
    assert list(items) == []
