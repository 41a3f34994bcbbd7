from __future__ import annotations

import errno
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vitrail.indexer.errors import DamagedIndexError
from vitrail.indexer.vectors import index_file, index_layout
from vitrail.indexer.vectors.index_file import read_index_file, write_index_file

ARRAYS: dict[str, NDArray[Any]] = {
    "ids": np.arange(7, dtype=np.int64),
    "vectors": np.linspace(0, 1, 21, dtype=np.float32).reshape(7, 3),
    "empty": np.empty((0, 3), np.float32),
    "bytes": np.frombuffer(b"anything", np.uint8),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "cls@12.3.index"
    write_index_file(target, {"kind": "exact", "meta": {"é": [1, 2.5, None]}}, ARRAYS)
    return target


def test_round_trip_keeps_arrays_and_header(path: Path) -> None:
    file = read_index_file(path)
    file.verify()
    assert file.header == {"kind": "exact", "meta": {"é": [1, 2.5, None]}}
    for name, array in ARRAYS.items():
        assert file.array(name).dtype == array.dtype
        np.testing.assert_array_equal(file.array(name), array)


def test_arrays_are_aligned_and_read_only(path: Path) -> None:
    file = read_index_file(path)
    assert all(section.offset % 64 == 0 for section in file.sections.values())
    with pytest.raises(ValueError, match="read-only"):
        file.array("ids")[0] = 1


def test_a_file_cut_anywhere_is_told(path: Path) -> None:
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedIndexError, match=r"cls@12\.3\.index"):
            read_index_file(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(data=st.data())
def test_a_flipped_bit_is_told_or_falls_on_padding(path: Path, data: st.DataObject) -> None:
    whole = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    damaged = path.with_name("damaged")
    damaged.write_bytes(whole)
    try:
        file = read_index_file(damaged)
        file.verify()
    except DamagedIndexError:
        return
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(file.array(name), array)


def test_a_missing_or_foreign_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_index_file(tmp_path / "none")
    (tmp_path / "picture").write_bytes(b"\x89PNG" * 100)
    with pytest.raises(DamagedIndexError, match="no Vitrail index"):
        read_index_file(tmp_path / "picture")


def test_a_newer_format_names_both_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(index_layout, "FORMAT_VERSION", 9)
        write_index_file(tmp_path / "new", {}, {})
    with pytest.raises(DamagedIndexError, match="format 9 is newer than 2"):
        read_index_file(tmp_path / "new")


def test_comparing_a_large_array_takes_little_memory(tmp_path: Path) -> None:
    write_index_file(tmp_path / "large", {}, {"graph": np.zeros(8 << 20, np.uint8)})
    file = read_index_file(tmp_path / "large")
    tracemalloc.start()
    try:
        file.verify()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_a_missing_section_is_named(path: Path) -> None:
    with pytest.raises(DamagedIndexError, match="'lists' is missing"):
        read_index_file(path).array("lists")


def test_a_full_disk_leaves_the_old_file_and_no_other(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(index_file, "_pad", full)
    with pytest.raises(OSError, match="No space left"):
        write_index_file(path, {}, ARRAYS)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_writing_replaces_a_file_that_is_still_mapped(path: Path) -> None:
    old = read_index_file(path)
    write_index_file(path, {"kind": "new"}, {"ids": np.arange(3)})
    np.testing.assert_array_equal(old.array("ids"), ARRAYS["ids"])
    assert read_index_file(path).header == {"kind": "new"}
