from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.indexer.collection.holdings import DIM, FINGERPRINT, SPACES, files, images, vector
from vitrail.indexer.errors import DamagedError, SegmentGoneError, UnreadableError
from vitrail.indexer.segments.image_rows import images_table
from vitrail.indexer.segments.segment_file import (
    Segment,
    SegmentHeader,
    read_header,
    read_segment,
    read_vectors,
    write_segment,
)

HEADER = SegmentHeader(FINGERPRINT, 3, 7, ("older.parquet",))


def make(folder: Path, numbers: range) -> Segment:
    ids = [number + 1 for number in numbers]
    return write_segment(
        str(folder), images_table(ids, images(numbers), files(numbers), SPACES), HEADER
    )


def vectors(folder: Path, segment: Segment, after: int = -1) -> tuple[list[int], np.ndarray]:
    ids, rows = read_vectors(str(folder), segment, "cls@2", DIM, after=after)
    return ids.tolist(), rows


def test_vectors_come_back_from_any_id_on(tmp_path: Path) -> None:
    segment = make(tmp_path, range(20))
    for after in (-1, 0, 1, 13, 19, 20, 99):
        ids, rows = vectors(tmp_path, segment, after)
        assert ids == [i for i in range(1, 21) if i > after]
        for image_id, row in zip(ids, rows, strict=True):
            np.testing.assert_array_equal(row, vector(image_id - 1, "cls@2"))
    assert read_header(str(tmp_path / segment.name)) == HEADER


def test_a_segment_of_before_ids_were_plain_is_read_all_the_same(tmp_path: Path) -> None:
    segment = make(tmp_path, range(5))
    path = tmp_path / segment.name
    pq.write_table(pq.read_table(path), path, compression="ZSTD", write_page_checksum=True)
    from vitrail.indexer.files.durability import checksum

    old = replace(segment, bytes=path.stat().st_size, checksum=checksum(str(path)))
    assert vectors(tmp_path, old, 3)[0] == [4, 5]
    with pytest.raises(DamagedError, match="checksum"):
        vectors(tmp_path, replace(old, checksum="0" * 64))


def test_a_query_reads_vectors_without_a_parquet_library(tmp_path: Path) -> None:
    segment = make(tmp_path, range(5))
    code = (
        "import sys; from vitrail.indexer.segments.segment_file import Segment, read_vectors; "
        f"read_vectors({str(tmp_path)!r}, {segment!r}, 'cls@2', {DIM}); "
        "sys.exit(bool({'pyarrow', 'duckdb'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_another_file_than_the_catalog_lists_is_told(tmp_path: Path) -> None:
    one, two = make(tmp_path, range(5)), make(tmp_path, range(5, 10))
    swapped = replace(two, name=one.name, bytes=one.bytes)
    with pytest.raises(DamagedError, match="not the 5 that the catalog lists"):
        vectors(tmp_path, swapped)
    with pytest.raises(DamagedError, match="bytes instead of"):
        vectors(tmp_path, replace(one, bytes=1))
    with pytest.raises(DamagedError, match="its checksum is another"):
        read_segment(str(tmp_path), swapped)


def test_a_missing_segment_is_gone_and_an_empty_folder_is_away(tmp_path: Path) -> None:
    one, two = make(tmp_path, range(5)), make(tmp_path, range(5, 10))
    (tmp_path / one.name).unlink()
    for read in (vectors, lambda folder, segment: read_segment(str(folder), segment)):
        with pytest.raises(SegmentGoneError, match=f"{one.name} is missing"):
            read(tmp_path, one)
    (tmp_path / two.name).unlink()
    for read in (vectors, lambda folder, segment: read_segment(str(folder), segment)):
        with pytest.raises(UnreadableError, match="mount its disk"):
            read(tmp_path, two)
