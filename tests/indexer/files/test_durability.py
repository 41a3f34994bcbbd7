"""That what replaces a file is on the disk before it takes the name, and the name after it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.indexer.recipes.test_recipe import BASE
from vitrail.generator.batch import write_image
from vitrail.indexer.files.cache import write_atomically
from vitrail.indexer.files.durability import make_directory, sync_tree, write_bytes, write_text
from vitrail.indexer.recipes.recipe import GeneratedImage
from vitrail.indexer.vectors.index_file import write_index_file

WRITERS: dict[str, Callable[[Path], object]] = {
    "text": lambda path: write_text(str(path), "new"),
    "bytes": lambda path: write_bytes(str(path), b"new"),
    "cache": lambda path: write_atomically(path, b"new"),
    "index": lambda path: write_index_file(path, {}, {}),
    "image": lambda path: write_image(
        GeneratedImage(Image.new("RGB", (8, 8)), BASE, None, 0.0), path
    ),
}


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path]]:
    """What is asked of the disk: ``sync`` of a file or folder, ``name`` given to a file."""
    events: list[tuple[str, Path]] = []
    fsync, replace = os.fsync, os.replace

    def syncing(handle: int) -> None:
        events.append(("sync", Path(os.readlink(f"/proc/self/fd/{handle}"))))
        fsync(handle)

    def replacing(source: str, target: str) -> None:
        events.append(("name", Path(source)))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "replace", replacing)
    return events


@pytest.mark.skipif(sys.platform != "linux", reason="handles are told by name on Linux")
def test_a_tree_is_synced_each_folder_after_its_files(
    tmp_path: Path, done: list[tuple[str, Path]]
) -> None:
    inner = tmp_path / "tree" / "inner"
    inner.mkdir(parents=True)
    files = [tmp_path / "tree" / "one", inner / "two"]
    for file in files:
        file.write_bytes(b"1")
    sync_tree(str(tmp_path / "tree"))
    assert {place for _, place in done} == {*files, inner, tmp_path / "tree"}
    order = [place for _, place in done]
    assert all(order.index(file) < order.index(file.parent) for file in files)


@pytest.mark.skipif(sys.platform != "linux", reason="handles are told by name on Linux")
@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_is_synced_named_and_its_folder_synced(
    tmp_path: Path, kind: str, done: list[tuple[str, Path]]
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    WRITERS[kind](path)
    (first, begun), (second, named), (third, folder) = done
    assert (first, second, third) == ("sync", "name", "sync")
    assert begun == named != path
    assert folder == tmp_path
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]
    assert path.read_bytes() != b"old"


@pytest.mark.parametrize("kind", WRITERS)
def test_what_cannot_be_written_leaves_the_old_file_and_no_other(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Exception, match="No space left"):
        WRITERS[kind](path)
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("a.png", b"old")]


@pytest.mark.parametrize("name", ["new", "new/", "new/er", "./new"])
def test_names_are_taken_from_the_working_directory(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_directory(name)
    make_directory(name)
    assert (tmp_path / name).is_dir()
    write_text("a.txt", "old")
    write_text("a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
