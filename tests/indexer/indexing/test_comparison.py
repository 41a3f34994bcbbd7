"""What a scan means for a collection."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.indexer.indexing.comparison import Changes, compare, still_there
from vitrail.indexer.indexing.globs import PathFilter
from vitrail.indexer.indexing.scan import FoundFile, Unreadable, Walk
from vitrail.indexer.records import FileState, KnownFile


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def walk(start: Path) -> list[FoundFile | Unreadable]:
    return list(Walk(str(start), PathFilter()))


def test_an_unreadable_folder_is_reported_and_its_files_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = tmp_path / "locked"
    touch(locked / "deep" / "a.jpg", tmp_path / "b.jpg", tmp_path / "gone.jpg")
    known = {
        i.path: KnownFile(1, i.mtime_ns, "h") for i in walk(tmp_path) if isinstance(i, FoundFile)
    }
    (tmp_path / "gone.jpg").unlink()
    real = os.scandir

    def refuse(path: str) -> object:
        if path == str(locked):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    changes = compare(walk(tmp_path), known)
    (unreadable,) = changes.unreadable
    assert (unreadable.path, unreadable.reason) == (str(locked), "unreadable")
    assert unreadable.detail.startswith("Permission denied: ")
    assert changes.unchanged == [str(tmp_path / "b.jpg")]
    assert changes.gone == [str(tmp_path / "gone.jpg")]


def test_a_file_that_became_a_pipe_is_gone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    path = str(tmp_path / "a.jpg")
    changes = compare(walk(tmp_path), {path: KnownFile(1, 1, "h")})
    assert changes.gone == [path]


def test_compare_names_every_kind() -> None:
    known = {
        "/a": KnownFile(1, 1, "h1"),
        "/b": KnownFile(1, 1, "h2"),
        "/c": KnownFile(1, 1, None),
        "/d": KnownFile(1, 1, "h4"),
        "/e": KnownFile(1, -1, "h5"),
    }
    found = [
        FoundFile("/a", 1, 1),
        FoundFile("/b", 1, 2),
        FoundFile("/c", 1, 1),
        FoundFile("/n", 1, 1),
    ]
    changes = compare([*found, FoundFile("/e", 1, 1)], known)
    assert changes.unchanged == ["/a", "/c"]
    assert [item.path for item in changes.to_open] == ["/b", "/n", "/e"]
    assert changes.gone == ["/d"]
    assert compare([], {}) == Changes()


def test_what_had_left_is_back_or_changed_or_not_there() -> None:
    known = {
        "/a": KnownFile(1, 1, "h1", None, "waiting", True),
        "/b": KnownFile(1, 1, "h2", None, "live", True),
        "/c": KnownFile(1, 1, "h3", None, "removed", True),
        "/d": KnownFile(1, 1, "h4", None, "waiting", True),
        "/e": KnownFile(1, 1, "h5", None, "waiting", True),
    }
    found = [
        FoundFile("/a", 1, 1),
        FoundFile("/b", 1, 1),
        FoundFile("/c", 1, 1),
        FoundFile("/d", 1, 2),
    ]
    changes = compare(found, known)
    assert [item.path for item in changes.back] == ["/a", "/b"]
    assert changes.unchanged == ["/c"]
    assert [item.path for item in changes.to_open] == ["/d"]
    assert changes.gone == []


def test_a_dead_link_that_was_a_file_is_gone_and_one_to_a_folder_hides_what_it_had() -> None:
    known = {"/a.jpg": KnownFile(1, 1, "h"), "/disk/b.jpg": KnownFile(1, 1, "h")}
    links = [Unreadable(path, "broken-link", "") for path in ("/a.jpg", "/disk")]
    assert compare(links, known).gone == ["/a.jpg"]
    known["/disk"] = KnownFile(0, 0, None, None, "rejected")  # as the first run noted it
    assert compare(links, known).gone == ["/a.jpg"]


PATHS = st.sampled_from([f"/{a}/{b}" for a in "xyz" for b in "123"])
NUMBERS = st.integers(0, 2)


STATES: st.SearchStrategy[FileState] = st.sampled_from(["live", "waiting", "removed"])
KNOWN = st.one_of(
    st.builds(KnownFile, NUMBERS, NUMBERS, st.just("h"), st.none(), STATES, st.booleans()),
    st.builds(
        KnownFile, NUMBERS, NUMBERS, st.none(), st.none(), st.just("rejected"), st.just(False)
    ),
)


@given(
    disk=st.dictionaries(PATHS, st.tuples(NUMBERS, NUMBERS)),
    known=st.dictionaries(PATHS, KNOWN),
    blind=st.sets(st.sampled_from(["/x", "/y", "/z/1"])),
    left_out=st.sets(PATHS),
)
def test_compare_splits_everything_once(
    disk: dict[str, tuple[int, int]],
    known: dict[str, KnownFile],
    blind: set[str],
    left_out: set[str],
) -> None:
    hidden = {p for p in set(disk) | set(known) if any(f"{p}/".startswith(f"{b}/") for b in blind)}
    disk = {path: stat for path, stat in disk.items() if path not in hidden | left_out}
    found = [FoundFile(path, *stat) for path, stat in disk.items()]
    hiding = [Unreadable(b, "unreadable", "") for b in blind]
    items: list[FoundFile | Unreadable] = [*found, *hiding]
    changes = compare(items, known, left_out.__contains__)
    opened, back = ({i.path for i in group} for group in (changes.to_open, changes.back))
    unchanged, gone, excluded = map(set, (changes.unchanged, changes.gone, changes.excluded))
    assert unchanged | opened | back == set(disk)
    assert len(unchanged) + len(opened) + len(back) == len(disk)
    same = {path for path in disk if path in known and disk[path] == known[path][:2]}
    assert opened == set(disk) - same
    assert back == {p for p in same if known[p].missing and known[p].state != "removed"}
    left = {
        p for p in known if p not in disk and (not known[p].missing or known[p].state == "live")
    }
    rejected = {p for p in blind if p in known and known[p].content_hash is None}
    out = {p for p in left & left_out if known[p].state != "removed"} - rejected
    assert excluded == out
    assert gone == left - out - hidden


def test_still_there_tells_left_out_from_gone(tmp_path: Path) -> None:
    touch(tmp_path / "a.png")
    paths = [str(tmp_path / name) for name in ("a.png", "b.png", "no/c.png")]
    assert still_there(paths) == {paths[0]}


def test_unchanged_files_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "sub" / "b.png")
    known = {
        i.path: KnownFile(i.size, i.mtime_ns, "h")
        for i in walk(tmp_path)
        if isinstance(i, FoundFile)
    }
    for opener in ("open", "fdopen"):
        monkeypatch.setattr(os, opener, lambda *_: pytest.fail("opened"))
    assert compare(walk(tmp_path), known).unchanged == list(known)
