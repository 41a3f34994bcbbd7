"""Comparisons that end early prove what they answer, or leave it to a scan."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.indexer.vectors.vector_sets import Floats, Ids, clustered, unit
from vitrail.indexer.errors import DamagedIndexError
from vitrail.indexer.vectors import early_ends
from vitrail.indexer.vectors.early_ends import EarlyEnds
from vitrail.indexer.vectors.index import VectorIndex

DIM = 96


@pytest.fixture(autouse=True)
def _small_ones_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_ends, "_LEAST", 1)
    monkeypatch.setattr(early_ends, "_SCANS", 0)


def near_ties(count: int, dim: int, apart: float, seed: int) -> Floats:
    """Rows of which many are equal, and many others hardly apart."""
    random = np.random.default_rng(seed)
    kinds = clustered(max(1, count // 9), dim, seed)
    rows = kinds[random.integers(len(kinds), size=count)]
    moved = random.random(count) < 0.6
    rows[moved] += random.standard_normal((int(moved.sum()), dim)).astype(np.float32) * apart
    return unit(rows)


def exact(rows: Floats, ids: Ids, query: Floats, k: int) -> tuple[Ids, Floats]:
    """By the products that scores are told of: each row's by itself."""
    scores = np.clip(np.vecdot(rows, query), -1, 1)
    best = np.lexsort((ids, -scores))[:k]
    return ids[best], scores[best]


@given(
    count=st.integers(1, 700),
    dim=st.sampled_from([64, 96, 100]),
    k=st.sampled_from([1, 2, 10, 50, 121, 122, 123, 800]),
    apart=st.sampled_from([0, 1e-8, 1e-7, 1e-6, 1e-5, 1e-3, 0.1]),
    share=st.sampled_from([1, 0.99, 0.5, 0.02]),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=examples(150), deadline=None)
def test_an_answer_is_that_of_a_comparison_with_every_row(
    count: int, dim: int, k: int, apart: float, share: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    rows, ids = near_ties(count, dim, apart, seed), np.sort(random.choice(3 * count, count, False))
    keep = random.random(count) < share
    index = VectorIndex.create(dim).with_rows(ids, rows).built().without(ids[~keep])
    asked = [rows[0], rows[-1], near_ties(count, dim, 0.01, seed + 1)[0], unit(-rows[:1])[0]]
    for query in asked:
        found = index.search(query[None], k)
        true, scores = exact(rows[keep], ids[keep], query, k)
        assert found.exact
        np.testing.assert_array_equal(found.ids[0, : len(true)], true)
        np.testing.assert_array_equal(found.scores[0, : len(true)], scores)
        assert (found.ids[0, len(true) :] == -1).all()


def test_most_answers_need_no_scan() -> None:
    rows = clustered(4000, DIM)
    turned = EarlyEnds(rows)
    for query in clustered(30, DIM, seed=1):
        proven = turned.nearest(rows, query, 10, None)
        assert proven is not None
        assert set(exact(rows, np.arange(4000), query, 10)[0]) <= set(proven[0].tolist())


def test_what_cannot_be_proven_is_left_to_a_scan() -> None:
    rows = np.repeat(clustered(8, DIM), 200, axis=0)
    assert EarlyEnds(rows).nearest(rows, rows[0], 10, None) is None
    index = VectorIndex.create(DIM).with_rows(np.arange(1600), rows).built()
    assert index.search(rows[:1], 12).ids[0].tolist() == list(range(12))


def test_allowed_rows_alone_are_found() -> None:
    rows, ids = clustered(900, DIM), np.arange(900)
    index = VectorIndex.create(DIM).with_rows(ids, rows).built()
    allowed = np.flatnonzero(np.random.default_rng(3).random(900) < 0.6)
    for query in clustered(10, DIM, seed=4):
        found = index.search(query[None], 7, allowed=allowed)
        np.testing.assert_array_equal(found.ids[0], exact(rows[allowed], allowed, query, 7)[0])


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were turned, each time."""
    sizes: list[int] = []

    class Counted(EarlyEnds):
        def __init__(self, matrix: Floats) -> None:
            sizes.append(len(matrix))
            super().__init__(matrix)

    monkeypatch.setattr(early_ends, "EarlyEnds", Counted)
    return sizes


def test_rows_are_turned_once_scans_were_many_and_once_for_all_that_share_them(
    made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early_ends, "_SCANS", 3)
    rows = clustered(500, DIM)
    index = VectorIndex.create(DIM).with_rows(np.arange(500), rows).built()
    for number in range(3):
        index.search(rows[number : number + 1], 3)
    assert made == []
    later = index.without(np.array([7]))
    later.search(rows[:1], 3)
    assert made == [500]
    index.search(rows[:1], 3)
    later.without(np.array([8])).search(rows[:1], 3)
    assert made == [500]


def test_warm_turns_them_at_once_unless_they_are_few_many_or_short(
    made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early_ends, "_LEAST", 300 * DIM)
    monkeypatch.setattr(early_ends, "_MOST", 400 * DIM)
    for dim, count in ((DIM, 299), (DIM, 300), (DIM, 400), (DIM, 401), (32, 1000)):
        index = VectorIndex.create(dim).with_rows(np.arange(count), clustered(count, dim))
        index.built().warm()
    assert made == [300, 400]


def test_threads_turn_them_once(made: list[int]) -> None:
    rows = clustered(800, DIM)
    index = VectorIndex.create(DIM).with_rows(np.arange(800), rows).built()
    alone = index.search(rows[:8], 5)
    start = threading.Barrier(8)
    answers: list[Ids] = [np.empty(0, np.int64)] * 8

    def ask(number: int) -> None:
        start.wait(60)
        answers[number] = index.search(rows[number : number + 1], 5).ids[0]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert made == [800]
    np.testing.assert_array_equal(np.stack(answers), alone.ids)


def test_rows_that_are_none_are_noticed() -> None:
    rows = clustered(500, DIM)
    index = VectorIndex.create(DIM).with_rows(np.arange(500), rows).built()
    stored = index._parts.base._matrix
    for value in (np.nan, 7.0):
        stored[33] = value
        with pytest.raises(DamagedIndexError, match="unit vector"):
            index.search(rows[:1], 5)


def test_one_question_loads_no_faiss() -> None:
    script = """
import sys, numpy as np
from vitrail.indexer.vectors.index import VectorIndex
rows = np.random.default_rng(0).standard_normal((12_000, 96)).astype(np.float32)
rows /= np.linalg.norm(rows, axis=1, keepdims=True)
index = VectorIndex.create(96).with_rows(np.arange(12_000), rows).built()
index.search(rows[:1], 3), index.search(rows[:9], 3)
assert "faiss" not in sys.modules
index.warm()
assert "faiss" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
