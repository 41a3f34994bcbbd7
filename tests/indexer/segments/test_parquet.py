"""Our reader of plain columns against PyArrow's, and against damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from vitrail.indexer.segments.parquet import NotPlainError, read_column, read_footer
from vitrail.indexer.segments.thrift import read_struct

DIM = 6
PLAIN: dict[str, Any] = {
    "use_dictionary": False,
    "write_page_checksum": True,
    "compression": "NONE",
}


def table(rows: int) -> pa.Table:
    rng = np.random.default_rng(rows)
    flat = rng.standard_normal(rows * DIM).astype(np.float32)
    return pa.table(
        {
            "name": [f"picture {n}" for n in range(rows)],
            "id": pa.array(np.arange(rows, dtype=np.int64) * 3),
            "cls@2": pa.FixedSizeListArray.from_arrays(pa.array(flat), DIM),
            "cls@3": pa.FixedSizeListArray.from_arrays(pa.array(flat[::-1]), DIM),
        }
    )


def read(path: Path, skip: int = 0) -> tuple[list[int], list[float]]:
    with open(path, "rb") as handle:
        footer = read_footer(handle)
        ids = read_column(handle, footer, "id", np.int64, skip=skip)
        flat = read_column(handle, footer, "cls@2", np.float32, width=DIM, skip=skip)
    return ids.tolist(), flat.tolist()


@given(
    rows=st.integers(0, 300),
    skip=st.integers(0, 300),
    group=st.integers(1, 400),
    page=st.integers(1, 4000),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
def test_it_reads_what_pyarrow_wrote_from_any_row_on(
    tmp_path: Path, rows: int, skip: int, group: int, page: int
) -> None:
    path, skip = tmp_path / "x.parquet", min(skip, rows)
    whole = table(rows)
    pq.write_table(whole, path, row_group_size=group, data_page_size=page, **PLAIN)
    ids, flat = read(path, skip)
    assert ids == whole["id"].to_pylist()[skip:]
    assert flat == [value for row in whole["cls@2"].to_pylist()[skip:] for value in row]


def test_pages_before_those_asked_for_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(table(500), path, data_page_size=1000, **PLAIN)
    data = bytearray(path.read_bytes())
    first = np.asarray(table(500)["cls@2"].combine_chunks().flatten())[:1].tobytes()
    data[data.index(first)] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="checksum"):
        read(path)
    assert len(read(path, 400)[0]) == 100


@pytest.mark.parametrize("seed", range(4))
def test_a_flipped_bit_is_told_or_changes_nothing(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(table(40), path, row_group_size=25, data_page_size=300, **PLAIN)
    expected, whole = read(path), path.read_bytes()
    rng = np.random.default_rng(seed)
    for _ in range(150):
        data = bytearray(whole)
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        try:
            assert read(path) == expected
        except (ValueError, NotPlainError):
            continue


def test_a_file_cut_anywhere_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(table(3), path, **PLAIN)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut short|no Parquet|description|understood"):
            read(path)


def test_what_takes_another_reader_is_told_so(tmp_path: Path) -> None:
    path, rows = tmp_path / "x.parquet", table(50)
    holey = rows.set_column(1, "id", pa.array([None, *range(49)], pa.int64()))
    others: list[tuple[pa.Table, dict[str, Any]]] = [
        (rows, {"compression": "ZSTD"}),
        (rows, {"use_dictionary": True}),
        (rows, {"write_page_checksum": False}),
        (rows, {"data_page_version": "2.0"}),
        (rows.set_column(1, "id", pa.array(range(50), pa.int32())), {}),
        (holey, {}),
    ]
    for other, options in others:
        pq.write_table(other, path, **{**PLAIN, **options})
        with pytest.raises(NotPlainError):
            read(path)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_do_anything_but_refuse(data: bytes) -> None:
    try:
        fields, end = read_struct(data)
    except ValueError:
        return
    assert end <= len(data)
    assert all(isinstance(number, int) for number in fields)
