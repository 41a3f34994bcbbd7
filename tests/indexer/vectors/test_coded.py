"""Codes of the rows that a filter lets through, kept while it is asked with again."""

from __future__ import annotations

import gc
import math
import threading
from collections.abc import Iterator
from typing import Any

import faiss
import numpy as np
import pytest

from tests.indexer.vectors.vector_sets import clustered, recall, reference
from vitrail.indexer.vectors import coded, passing
from vitrail.indexer.vectors.coded import CodedRows, bytes_of, fit, uses_to_pay
from vitrail.indexer.vectors.filtered import expected_missed
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.later import once
from vitrail.indexer.vectors.passing import LatestPassing, Passing
from vitrail.indexer.vectors.policy import IndexPolicy
from vitrail.indexer.vectors.rows import Rows
from vitrail.indexer.vectors.turning import random_axes

POLICY = IndexPolicy(exact_floats=0, cold_floats=0, gather_rows=400, samples=60, graph=False)
SIZE, DIM = 12_000, 24
ROWS = clustered(SIZE + 60, DIM, seed=4)
ROWS, QUERIES = ROWS[:SIZE], ROWS[SIZE:]
IDS = np.arange(SIZE, dtype=np.int64) * 2 + 5
calls: Any = faiss


@pytest.fixture(scope="module")
def built() -> VectorIndex:
    return VectorIndex.create(DIM, policy=POLICY).with_rows(IDS, ROWS).built()


@pytest.fixture(autouse=True)
def _codes_from_the_second_use_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coded, "_ROWS_A_USE", 10**9)
    assert uses_to_pay(SIZE) == 2


def filters(*counts: int) -> Iterator[np.ndarray]:
    for number, count in enumerate(counts):
        some = np.random.default_rng(number).choice(SIZE, count, replace=False)
        allowed = np.sort(IDS[some])
        allowed.flags.writeable = False
        yield allowed


@pytest.mark.parametrize("count", [1, 31, 32, 33, 2048, 2049, 5000])
@pytest.mark.parametrize("dim", [4, 12, 64])
def test_codes_stand_for_the_numbers_that_they_were_made_of(count: int, dim: int) -> None:
    # Four numbers a column, far apart: each is a part of its own, and the mean of it.
    random = np.random.default_rng(count)
    numbers = np.array([-1.6, -0.4, 0.4, 1.6], np.float32)
    rows = numbers[random.integers(4, size=(2 * count, dim))]
    places = np.arange(0, 2 * count, 2)
    (axes,) = random_axes(dim, np.random.default_rng(coded._SEED))
    codes = CodedRows(lambda some: rows[some] @ axes.T, places, dim)  # which is turned back
    decoded = codes._index.reconstruct_n(0, count)
    if count >= 2048:  # otherwise chance may part them elsewhere
        assert np.allclose(decoded, rows[places], atol=1e-4)
    other = calls.IndexPQFastScan(dim, dim // 2, 4, calls.METRIC_INNER_PRODUCT)
    centroids = calls.vector_to_array(codes._index.pq.centroids)
    calls.copy_array_to_vector(centroids, other.pq.centroids)
    other.is_trained = True
    other.add(decoded)
    assert np.array_equal(other.reconstruct_n(0, count), decoded), "FAISS lays them out alike"
    query = random.standard_normal((1, dim)).astype(np.float32)
    wanted = min(count, 7)
    found, estimates = codes.candidates(query, wanted)
    query = query @ axes
    theirs, places_there = other.search(query, wanted)
    assert np.allclose(estimates, theirs, atol=1e-5)
    assert np.isin(found, places).all()
    assert np.array_equal(
        np.sort(decoded[found[0] // 2] @ query[0]), np.sort(decoded[places_there[0]] @ query[0])
    )


@pytest.mark.parametrize(
    ("rows", "dim", "fits"),
    [
        (524_288, 384, True),
        (524_289, 384, False),
        (1000, 20, False),
        (1000, 30, False),
    ],
)
def test_codes_fit_or_do_not(rows: int, dim: int, fits: bool) -> None:
    assert fit(rows, dim) is fits


def test_rows_that_are_all_alike_have_codes_too() -> None:
    rows = np.full((100, 8), 0.35, np.float32)
    codes = CodedRows(lambda some: rows[some], np.arange(100), 8)
    assert codes.nbytes == bytes_of(100, 8) == 128 * 8 // 4
    found, estimates = codes.candidates(rows[:1], 10)
    assert len(set(found[0].tolist())) == 10
    assert np.allclose(estimates, 0.98, atol=1e-3)


def test_estimates_that_are_no_numbers_promise_nothing() -> None:
    scores = np.linspace(0.1, 0.9, 30).astype(np.float32)
    assert expected_missed(scores, np.full(30, np.nan, np.float32), scores[-3]) == math.inf


@pytest.mark.parametrize("count", [300, 5000])
def test_a_filter_that_is_asked_with_again_is_answered_by_what_was_kept(
    built: VectorIndex, count: int
) -> None:
    (allowed,) = filters(count)
    held = built._parts.base.passing(allowed)
    true = reference(allowed, ROWS[np.isin(IDS, allowed)], QUERIES, 10)
    first = built.search(QUERIES[:1], 10, allowed=allowed)
    built.settle()
    assert not held.kept_bytes
    built.search(QUERIES[:1], 10, allowed=allowed)
    built.settle()
    found = []
    told = []
    for query in QUERIES:
        answer = built.search(query[None], 10, allowed=allowed)
        found.append(answer.ids)
        told.append(answer.recall)
        scores = ROWS[np.searchsorted(IDS, answer.ids[0])] @ query
        assert np.allclose(scores, answer.scores[0], atol=1e-6)
    made = held.copied.made if count == 300 else held.coded.made
    assert made is not None
    assert len(made) == count
    if count == 300:
        assert told == [1.0] * len(QUERIES)
        assert np.array_equal(np.concatenate(found), true)
        assert np.array_equal(first.ids, found[0])
        assert np.array_equal(first.scores, built.search(QUERIES[:1], 10, allowed=allowed).scores)
    else:
        assert max(told) < 1
        assert recall(np.concatenate(found), true) >= np.mean(told) - 0.005
        together = built.search(QUERIES, 10, allowed=allowed)
        assert np.array_equal(together.ids, np.concatenate(found))


def test_an_exact_answer_is_not_chosen_by_codes(built: VectorIndex) -> None:
    (allowed,) = filters(5000)
    for query in QUERIES[:5]:
        answer = built.search(query[None], 10, allowed=allowed, recall=1.0)
        assert answer.exact
        true = reference(allowed, ROWS[np.isin(IDS, allowed)], query[None], 10)
        assert np.array_equal(answer.ids, true)
    built.settle()
    assert not built._parts.base.passing(allowed).coded.made, "nobody would read them"


def test_a_hidden_row_is_not_found_by_what_was_kept(built: VectorIndex) -> None:
    for allowed in filters(300, 5000):
        for _ in range(3):
            best = built.search(QUERIES[:1], 5, allowed=allowed).ids[0]
            built.settle()
        fewer = built.without(best[:2])
        for _ in range(3):
            left = fewer.search(QUERIES[:1], 3, allowed=allowed).ids[0]
            assert np.array_equal(left, best[2:])
            fewer.settle()
        assert fewer._parts.base.passing(allowed).kept_bytes


def test_an_array_that_may_be_written_to_keeps_nothing(built: VectorIndex) -> None:
    (allowed,) = filters(5000)
    writeable = allowed.copy()
    for _ in range(4):
        built.search(QUERIES[:1], 5, allowed=writeable)
        built.settle()
    assert id(writeable) not in built._parts.base._latest._kept
    assert not built._parts.base.passing(writeable).kept_bytes


def test_filters_together_keep_so_many_bytes_at_most(
    built: VectorIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = list(filters(5000, 5000, 5000))
    base = built._parts.base
    for allowed in some[:2]:
        for _ in range(2):
            built.search(QUERIES[:1], 5, allowed=allowed)
        built.settle()
    held = [base.passing(allowed) for allowed in some]
    size = held[0].kept_bytes
    assert size >= 5000 * DIM // 4
    assert held[1].kept_bytes == size
    monkeypatch.setattr(passing, "KEPT_BYTES", 2 * size)
    built.search(QUERIES[:1], 5, allowed=some[1])
    for _ in range(2):
        built.search(QUERIES[:1], 5, allowed=some[2])
    built.settle()
    assert [one.kept_bytes for one in held] == [0, size, size]
    monkeypatch.setattr(passing, "KEPT_BYTES", size - 1)
    for _ in range(4):
        built.search(QUERIES[:1], 5, allowed=some[0])
        built.settle()
    assert [one.kept_bytes for one in held] == [0, size, size], "there is no room for it alone"


def test_what_a_filter_keeps_goes_with_its_array() -> None:
    latest = LatestPassing()
    (allowed,) = filters(50)
    kept = latest.of(allowed, lambda ids: Passing(SIZE, np.searchsorted(IDS, ids)))
    assert latest.of(allowed, lambda ids: Passing(SIZE, ids)) is kept
    del allowed
    gc.collect()
    (other,) = filters(60)
    latest.of(other, lambda ids: Passing(SIZE, np.searchsorted(IDS, ids)))
    assert len(latest._kept) == 1


class Slow:
    """Something of which an attribute takes until it is told to go on."""

    def __init__(self, name: str, begun: threading.Event, go_on: threading.Event) -> None:
        self.name, self.begun, self.go_on = name, begun, go_on
        self.made = 0

    @once
    def worked_out(self) -> str:
        """Its name."""
        self.made += 1
        self.begun.set()
        assert self.go_on.wait(10)
        return self.name


def test_first_uses_of_different_objects_do_not_wait_for_one_another() -> None:
    held = [Slow(name, threading.Event(), threading.Event()) for name in "ab"]
    threads = [threading.Thread(target=lambda one=one: one.worked_out) for one in (*held, held[0])]
    for thread in threads:
        thread.start()
    try:
        assert held[0].begun.wait(5)
        assert held[1].begun.wait(5), "they wait for one another"
    finally:
        for one in held:
            one.go_on.set()
        for thread in threads:
            thread.join(10)
    assert [one.worked_out for one in held] == ["a", "b"]
    assert [one.made for one in held] == [1, 1]


def test_rows_are_copied_side_by_side_where_they_are_few(built: VectorIndex) -> None:
    base = built._parts.base
    (allowed,) = filters(300)
    some = base.passing(allowed)
    for _ in range(2):
        base.scan_some(QUERIES[:2], 5, some)
    base.settle()
    copy = some.copied.made
    assert isinstance(copy, Rows)
    assert np.array_equal(copy.ids, allowed)
    assert np.array_equal(copy.matrix, ROWS[np.isin(IDS, allowed)])
