"""Large index files: mapped, and each block compared with its checksum where it is first read."""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.indexer.vectors.vector_sets import clustered, reference
from vitrail.indexer.errors import CollectionError, DamagedIndexError, UnreadableError
from vitrail.indexer.vectors import blocks, index_layout
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.index_file import read_index_file, write_index_file

DIM, SIZE = 16, 600
IDS = np.arange(SIZE, dtype=np.int64)
ROWS = clustered(SIZE + 10, DIM)
ROWS, QUERIES = ROWS[:SIZE], ROWS[SIZE:]
ROW_BYTES = 4 * DIM


@pytest.fixture(autouse=True)
def every_file_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_layout, "_LARGE", 0)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 10 * ROW_BYTES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    index = VectorIndex.create(DIM)
    index = index.with_rows(IDS, ROWS)
    index = index.built()
    index.save(tmp_path / "index", {})
    return tmp_path / "index"


def flip(path: Path, row: int) -> None:
    data = bytearray(path.read_bytes())
    data[read_index_file(path).sections["vectors"].offset + row * ROW_BYTES + 5] ^= 8
    path.write_bytes(data)


def load(path: Path) -> VectorIndex:
    return VectorIndex.load(path)[0]


def test_blocks_are_compared_as_they_are_read(path: Path) -> None:
    index = load(path)
    assert index.checked == 0
    index.vectors(np.array([0, 9, 10, 599]))
    assert index.checked == pytest.approx(3 / 60)
    index.search(QUERIES[:1], 3, allowed=np.array([1, 20]))
    assert index.checked == pytest.approx(4 / 60)
    index.search(QUERIES[:1], 3)
    assert index.checked == 1


def test_only_reading_an_altered_block_is_refused(path: Path) -> None:
    flip(path, 123)
    index = load(path)
    np.testing.assert_array_equal(index.vectors(np.array([119, 130])), ROWS[[119, 130]])
    for ask in (
        lambda: index.vectors(np.array([3, 125])),
        lambda: index.search(QUERIES, 3),
        lambda: index.search(QUERIES, 3, allowed=np.array([121])),
        index.warm,
        index.built,
        lambda: index.save(path, {}),
        lambda: VectorIndex.load(path, verify=True),
    ):
        with pytest.raises(DamagedIndexError, match="block 13 of 60 of its vectors"):
            ask()


def test_an_altered_file_is_replaced_from_elsewhere_once(path: Path) -> None:
    flip(path, 123)
    index = load(path)
    asked: list[CollectionError] = []

    def rescue(error: CollectionError, ids: np.ndarray) -> VectorIndex:
        asked.append(error)
        np.testing.assert_array_equal(ids, IDS)
        return VectorIndex.create(DIM).with_rows(IDS, ROWS)

    index = index.rescued_by(rescue)
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(index.search(QUERIES, 5))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1
    for one in found:
        np.testing.assert_array_equal(one.ids, reference(IDS, ROWS, QUERIES, 5))
    np.testing.assert_array_equal(index.vectors(IDS), ROWS)


def test_threads_may_compare_the_same_blocks(path: Path) -> None:
    index = load(path)
    found: list[Any] = []

    def ask(number: int) -> None:
        ids = np.random.default_rng(number).permutation(SIZE)[:300]
        found.append(np.array_equal(index.vectors(ids), ROWS[ids]))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8


def test_a_large_file_of_the_older_layout_is_one_block(path: Path, tmp_path: Path) -> None:
    file = read_index_file(path)
    arrays = {n: file.array(n) for n in file.sections if not n.startswith("sums of ")}
    write_index_file(tmp_path / "old", file.header, arrays)
    index = load(tmp_path / "old")
    assert index.checked == 0
    np.testing.assert_array_equal(index.vectors(IDS[:1]), ROWS[:1])
    assert index.checked == 1
    flip(tmp_path / "old", 400)
    with pytest.raises(DamagedIndexError, match="block 1 of 1"):
        load(tmp_path / "old").vectors(IDS[:1])


@pytest.mark.skipif(not hasattr(os, "preadv"), reason="the mapping itself is read there")
def test_a_disk_that_fails_is_told_and_ends_no_process(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = load(path)

    def fail(*_: Any) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "preadv", fail)
    with pytest.raises(UnreadableError, match="Input/output error"):
        index.search(QUERIES, 3)


@pytest.mark.parametrize("seed", range(3))
def test_flips_anywhere_in_a_large_file_are_told_or_change_nothing(path: Path, seed: int) -> None:
    expected, whole = load(path).search(QUERIES, 5), path.read_bytes()
    rng = np.random.default_rng(seed)
    for _ in range(60):
        data = bytearray(whole)
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        try:
            found = load(path).search(QUERIES, 5)
        except DamagedIndexError:
            continue
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_array_equal(found.scores, expected.scores)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3.0])
@pytest.mark.parametrize("size", [40, SIZE])
def test_a_score_that_no_unit_vectors_have_is_never_answered(value: float, size: int) -> None:
    index = VectorIndex.create(DIM)
    index = index.with_rows(IDS[:size], ROWS[:size])
    index = index.built()
    index._parts.base._matrix[size // 2] = value  # as memory that forgets
    with pytest.raises(DamagedIndexError, match="none that unit vectors have"):
        index.search(ROWS[:1] * 0 + np.float32(DIM**-0.5), 3)


def test_vectors_at_the_edge_of_their_length_are_no_damage() -> None:
    index = VectorIndex.create(DIM)
    long = (ROWS * np.float32(1.0009)).astype(np.float32)
    index = index.with_rows(IDS, long)
    found = index.search(long[:5], 1)
    np.testing.assert_array_equal(found.ids[:, 0], IDS[:5])
    assert (found.scores == 1).all()


def test_hidden_rows_are_not_counted_as_compared() -> None:
    index = VectorIndex.create(DIM)
    index = index.with_rows(IDS, ROWS)
    index = index.built()
    index = index.without(IDS[:100])
    for exact in (False, True):
        assert index.search(QUERIES[:2], 3, exact=exact).scanned == 2 * (SIZE - 100)


def test_the_lists_answer_from_blocks_that_were_compared(tmp_path: Path) -> None:
    from tests.indexer.vectors.test_index_lists import POLICY

    policy = replace(POLICY, cold_floats=0)
    rows = clustered(3000, DIM)
    index = VectorIndex.create(DIM, policy=policy)
    index = index.with_rows(np.arange(3000), rows)
    index = index.built()
    index.save(tmp_path / "lists", {})
    loaded, _ = VectorIndex.load(tmp_path / "lists", policy=policy)
    found = loaded.search(rows[:1], 5)
    assert not found.exact
    assert 0 < loaded.checked < 1
    np.testing.assert_array_equal(found.ids, index.search(rows[:1], 5).ids)
