"""A bounded folder: whole files or none, the oldest gone first."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrail.indexer.errors import CacheError
from vitrail.service.operations.kept_files import KeptFiles


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_put_is_there(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "kept", most=1000)
    assert kept.get("ab12") is None
    kept.put("ab12", b"one")
    kept.put("ab13", b"")
    assert (kept.get("ab12"), kept.get("ab13")) == (b"one", b"")
    assert KeptFiles(tmp_path / "kept", most=1000).get("ab12") == b"one"


@pytest.mark.parametrize("damage", [b"", b"o", b"one", b"onfabcd"])
def test_what_is_torn_is_not_there(tmp_path: Path, damage: bytes) -> None:
    kept = KeptFiles(tmp_path, most=1000)
    kept.put("ab12", b"one")
    (path,) = files(tmp_path)
    path.write_bytes(damage)
    assert kept.get("ab12") is None
    kept.put("ab12", b"one")
    assert kept.get("ab12") == b"one"


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(0, 60), min_size=1, max_size=25))
def test_it_never_holds_more_and_the_newest_stays(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("kept")
    kept = KeptFiles(folder, most=200)
    for number, size in enumerate(sizes):
        kept.put(f"{number:04}", b"x" * size)
        path = folder / f"{number:04}"[:2] / f"{number:04}"
        os.utime(path, (number, number))
        assert sum(one.stat().st_size for one in files(folder)) <= 200
        assert kept.get(f"{number:04}") == b"x" * size


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path, most=100)
    now = time.time()
    for number, age in enumerate((9000, 8000, 7000)):
        kept.put(f"{number:04}", b"x" * 26)
        os.utime(tmp_path / "00" / f"{number:04}", (now - age, now - age))
    assert kept.get("0000")  # and is used by that
    kept.put("0003", b"x" * 26)
    assert [kept.get(f"{number:04}") is not None for number in range(4)] == [
        *(True, False, False, True)
    ]


def test_what_is_too_old_is_gone(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path, most=1000, seconds=60)
    kept.put("ab12", b"one")
    kept.put("ab13", b"two")
    (path,) = [path for path in files(tmp_path) if path.name == "ab12"]
    os.utime(path, (time.time() - 61, time.time() - 61))
    assert (kept.get("ab12"), kept.get("ab13")) == (None, b"two")
    kept.sweep()
    assert [path.name for path in files(tmp_path)] == ["ab13"]


def test_a_folder_that_cannot_be_written_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file")
    with pytest.raises(CacheError, match="cannot keep a file in"):
        KeptFiles(tmp_path / "kept", most=1000).put("ab12", b"one")
