"""Many queries at once are answered as each of them alone, bit for bit, and exactly."""

from __future__ import annotations

import errno
import mmap
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.indexer.vectors.vector_sets import Floats, clustered, reference, unit
from vitrail.indexer.errors import DamagedIndexError
from vitrail.indexer.vectors import batch_scan, sharing
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.one_thread import one_thread, product_threads

QUERIES = clustered(40, 24, seed=3)


def tied(count: int, seed: int) -> Floats:
    """Rows of which many are equal, and many others apart by the last digits of a number."""
    random = np.random.default_rng(seed)
    rows = clustered(max(1, count // 7), 24, seed)[random.integers(max(1, count // 7), size=count)]
    near = random.random(count) < 0.5
    rows[near] += random.standard_normal((int(near.sum()), 24)).astype(np.float32) * 1e-7
    return unit(rows)


def of(rows: Floats, ids: np.ndarray) -> VectorIndex:
    return VectorIndex.create(rows.shape[1]).with_rows(ids, rows)


@given(
    count=st.integers(1, 900),
    k=st.integers(1, 1000),
    seed=st.integers(0, 2**31),
    built=st.booleans(),
    block=st.sampled_from([7, 64, 4096]),
    hide=st.floats(0, 0.9),
)
@settings(max_examples=examples(60), deadline=None)
def test_a_batch_is_its_queries_one_by_one(
    count: int, k: int, seed: int, built: bool, block: int, hide: float
) -> None:
    random = np.random.default_rng(seed)
    rows, ids = tied(count, seed), np.sort(random.choice(5 * count, count, replace=False))
    index = of(rows, ids)
    index = index.built() if built else index
    hidden = random.random(count) < hide
    index = index.without(ids[hidden])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_scan, "_ROWS", block)
        patch.setattr(batch_scan, "QUERIES", 16)
        together = index.search(QUERIES, k)
    assert together.exact
    for i, query in enumerate(QUERIES):
        alone = index.search(query[None], k)
        np.testing.assert_array_equal(together.ids[i], alone.ids[0])
        np.testing.assert_array_equal(together.scores[i], alone.scores[0])


@pytest.mark.parametrize("k", [1, 10, 100, 1000])
@pytest.mark.parametrize("share", [1, 0.6, 0.1])
def test_threads_answer_as_one(k: int, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, ids = clustered(6000, 24, seed=5), np.arange(6000) * 2
    index = of(rows, ids).built()
    queries = clustered(90, 24, seed=6)
    keep = np.random.default_rng(1).random(len(ids)) < share
    allowed = None if share == 1 else ids[keep]
    names: set[str] = set()
    search = batch_scan.nearest_of_each

    def watched(*given: object) -> object:
        names.add(threading.current_thread().name)
        return search(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(batch_scan, "nearest_of_each", watched)
    monkeypatch.setattr("vitrail.indexer.vectors.parts._SHARED_WORK", 1)
    monkeypatch.setattr(sharing, "product_threads", lambda: 3)
    found = index.search(queries, k, allowed=allowed)
    assert threading.current_thread().name not in names
    for i in range(0, len(queries), 7):
        alone = index.search(queries[i : i + 1], k, allowed=allowed)
        np.testing.assert_array_equal(found.ids[i], alone.ids[0])
    if k <= 10:
        chosen = slice(None) if allowed is None else keep
        np.testing.assert_array_equal(found.ids, reference(ids[chosen], rows[chosen], queries, k))


def test_rows_that_are_none_are_noticed_in_a_batch() -> None:
    rows = clustered(3000, 24)
    index = of(rows.copy(), np.arange(3000)).built()
    stored = index._parts.base._matrix
    for place, value in ((0, np.nan), (1700, 7.0), (2999, np.nan)):
        kept = stored[place].copy()
        stored[place] = value
        with pytest.raises(DamagedIndexError, match="none that unit vectors have"):
            index.search(QUERIES, 5)
        stored[place] = kept
    assert index.search(QUERIES, 5).exact


def test_one_thread_lasts_until_the_last_is_done() -> None:
    before = product_threads()
    first, second = one_thread(), one_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert product_threads() == 1
    second.__exit__(None, None, None)
    assert product_threads() == before


@pytest.mark.parametrize("portion", [1, 7, 1000])
@pytest.mark.parametrize("queries", [1, len(QUERIES)])
def test_filtered_rows_are_copied_a_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch, portion: int, queries: int
) -> None:
    rows = tied(400, 5)
    index, allowed = of(rows, np.arange(400)), np.arange(3, 90, 2)
    expected = index.search(QUERIES[:queries], 10, allowed=allowed)
    monkeypatch.setattr("vitrail.indexer.vectors.rows._GATHERED", portion)
    found = index.search(QUERIES[:queries], 10, allowed=allowed)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert found.scanned == expected.scanned == len(allowed) * queries


def test_where_the_system_maps_no_memory_other_memory_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    rows, ids = clustered(500, 24), np.arange(500, dtype=np.int64)
    before = of(rows, ids).search(QUERIES, 5)
    monkeypatch.setattr(mmap, "mmap", refuse)
    np.testing.assert_array_equal(of(rows, ids).search(QUERIES, 5).ids, before.ids)
