"""A collection that was copied for a test is what indexing would have made for it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import Vitrail
from tests.service.kept import Kept
from vitrail.indexer.collection.verification import verify


@pytest.fixture
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Nothing yet."""
    return Kept(tmp_path_factory.mktemp("kept"))


def told(vitrail: Vitrail) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(vitrail("list", "--json").out)
    return [{name: value for name, value in row.items() if name != "added_at"} for row in rows]


def files(home: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_a_copy_is_what_was_indexed_and_goes_with_its_images(
    vitrail: Vitrail, folder: Path
) -> None:
    first = vitrail.index(folder, "--label-from", "parent")
    made, rows = files(vitrail.home), told(vitrail)
    shutil.rmtree(vitrail.home)
    for path in folder.rglob("*.png"):  # as another test would write them, later
        path.write_bytes(path.read_bytes())
    assert vitrail.index(folder, "--label-from", "parent") == first
    assert files(vitrail.home) == made
    assert told(vitrail) == rows
    assert verify(vitrail.home).clean
    again = vitrail("index", folder)
    assert "0 new" in again.err
    assert "5 unchanged" in again.err
    shutil.rmtree(vitrail.home)
    vitrail("index", folder, "--label-from", "parent", "--checkpoint", "colours")
    assert told(vitrail) == rows, "what indexing would have made"


def _rename(red: Path) -> None:
    red.rename(red.with_name("rouge.png"))


def _link(red: Path) -> None:
    red.unlink()
    red.symlink_to("crimson.png")


CHANGES: dict[str, Callable[[Path], object]] = {
    "name": _rename,
    "bytes": lambda red: shutil.copy(red.with_name("crimson.png"), red),
    "time": lambda red: os.utime(red, (1, 1)),
    "right": lambda red: red.chmod(0o600),
    "link": _link,
    "beside": lambda red: (red.parents[2] / "other").mkdir(),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_differs_is_indexed(kept: Kept, folder: Path, tmp_path: Path, what: str) -> None:
    before = kept.key(tmp_path, ["index"])
    assert kept.key(tmp_path, ["index"]) == before
    CHANGES[what](folder / "warm" / "red.png")
    assert kept.key(tmp_path, ["index"]) != before


def test_so_is_by_other_words(kept: Kept, folder: Path, tmp_path: Path) -> None:
    assert kept.key(tmp_path, ["a", "b"]) != kept.key(tmp_path, ["ab"])


def test_a_collection_that_is_there_is_indexed_again(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder)
    assert "5 unchanged" in vitrail.index(folder).err


def test_what_is_made_elsewhere_is_made_each_time(
    vitrail: Vitrail, folder: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        assert "5 new" in vitrail.index(folder, "-c", tmp_path / "c").err
        assert not vitrail.home.exists()
        assert "5" in vitrail("info", "-c", tmp_path / "c").out
        shutil.rmtree(tmp_path / "c")
