"""Every kind of index, whatever became of it: recall as is told, and exact only what is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.indexer.vectors.vector_sets import Floats, Ids, clustered, unit
from vitrail.indexer.vectors import early_ends
from vitrail.indexer.vectors.answers import Neighbours
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.passing import Passing
from vitrail.indexer.vectors.policy import IndexPolicy

POLICIES = {
    "exact": IndexPolicy(),
    "lists": IndexPolicy(
        exact_floats=0, cold_floats=0, gather_rows=100, lists_factor=1.0, graph=False
    ),
    "graph": IndexPolicy(exact_floats=0, cold_floats=0, gather_rows=100, lists_factor=1.0),
}
EARLY = IndexPolicy()
"""Comparisons that end early, where the thresholds of these are taken away."""
STEPS = ("add", "hide", "restore", "build", "reload")
SIZE, DIM, K = 1000, 24, 8
SPREAD = 0.1  # of recall among 60 queries


def best(rows: Floats, ids: Ids, query: Floats, k: int) -> tuple[Ids, Floats]:
    """By the products that scores are told of, each row's by itself; equal ones by id."""
    scores = np.clip(np.vecdot(rows, query), -1, 1)
    order = np.lexsort((ids, -scores))[:k]
    return ids[order], scores[order]


def filled(row: Ids, k: int) -> Ids:
    return np.concatenate([row, np.full(k - len(row), -1, np.int64)])


class History:
    """An index, and what it ought to hold."""

    def __init__(self, policy: IndexPolicy, seed: int) -> None:
        self.policy, self.random = policy, np.random.default_rng(seed)
        self.rows = clustered(SIZE + 60, DIM, seed)
        self.rows, self.queries = self.rows[:SIZE], self.rows[SIZE:]
        self.numbers = np.sort(self.random.choice(5 * SIZE, SIZE, replace=False))
        self.held = np.zeros(SIZE, bool)
        self.gone = np.zeros(SIZE, bool)
        self.index = VectorIndex.create(DIM, policy=policy)
        self._add(600)
        self.index = self.index.built()

    def take(self, step: str) -> None:
        if step == "add":
            self._add(int(self.random.integers(1, 120)))
        elif step == "hide":
            self._hide(self._some(self.held, 150))
        elif step == "restore":
            self._restore(self._some(self.gone, 80))
        elif step == "build":
            self.index = self.index.built()
        else:
            with tempfile.TemporaryDirectory() as folder:
                self.index.save(os.path.join(folder, "index"), {})
                self.index, _ = VectorIndex.load(os.path.join(folder, "index"), policy=self.policy)

    def allowed(self, kind: str | None, share: float) -> np.ndarray:
        """(SIZE,) bool: which rows a filter lets through."""
        keep = np.zeros(SIZE, bool)
        if kind == "random":
            return np.asarray(self.random.random(SIZE) < share)
        near = np.argsort(self.rows @ self.queries[0])[:: 1 if kind == "far" else -1]
        keep[near[: max(1, round(share * SIZE))]] = True
        return keep

    def _add(self, count: int) -> None:
        new = self._some(~self.held & ~self.gone, count)
        self.index = self.index.with_rows(self.numbers[new], self.rows[new])
        self.held[new] = True

    def _hide(self, some: Ids) -> None:
        self.index = self.index.without(self.numbers[some])
        self.held[some], self.gone[some] = False, True

    def _restore(self, some: Ids) -> None:
        self.index, lacking = self.index.restored(self.numbers[some])
        places = np.searchsorted(self.numbers, lacking)
        self.index = self.index.with_rows(lacking, self.rows[places])
        self.held[some], self.gone[some] = True, False

    def _some(self, among: np.ndarray, count: int) -> Ids:
        places = np.flatnonzero(among)
        return np.sort(self.random.choice(places, min(count, len(places)), replace=False))


def check(history: History, found: Neighbours, within: np.ndarray, k: int) -> None:
    """Nothing foreign, nothing short, scores of the rows themselves, recall as told."""
    ids, rows = history.numbers[within], history.rows[within]
    hits = wanted = 0
    for query, own, scores in zip(history.queries, found.ids, found.scores, strict=True):
        true, high = best(rows, ids, query, k)
        np.testing.assert_array_equal(own[len(true) :], -1)
        own, scores = own[: len(true)], scores[: len(true)]
        places = np.searchsorted(history.numbers, own)
        assert within[places].all()
        assert (history.numbers[places] == own).all()
        assert len(set(own.tolist())) == len(own)
        np.testing.assert_array_equal(
            scores, np.clip(np.vecdot(history.rows[places], query), -1, 1)
        )
        if found.exact:
            np.testing.assert_array_equal(own, true)
            np.testing.assert_array_equal(scores, high)
        hits += np.isin(own, true).sum()
        wanted += len(true)
    assert hits >= (found.recall - SPREAD) * wanted


@pytest.mark.parametrize("kind", POLICIES)
@settings(max_examples=examples(20), deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**16),
    steps=st.lists(st.sampled_from(STEPS), max_size=6),
    filtered=st.sampled_from([None, "random", "near", "far"]),
    share=st.sampled_from([0.9, 0.5, 0.15, 0.03, 0.002]),
    wanted=st.sampled_from([0.8, 0.98, 1.0]),
)
def test_every_kind_agrees_with_a_comparison_of_all_as_it_tells(
    kind: str, seed: int, steps: list[str], filtered: str | None, share: float, wanted: float
) -> None:
    history = History(POLICIES[kind], seed)
    for step in steps:
        history.take(step)
    within = history.held.copy()
    allowed = None
    if filtered is not None:
        keep = history.allowed(filtered, share)
        within &= keep
        allowed = history.numbers[keep]
    found = history.index.search(history.queries, K, allowed=allowed, recall=wanted)
    assert found.recall >= wanted
    check(history, found, within, K)
    check(history, history.index.search(history.queries, K, allowed=allowed, exact=True), within, K)


def ties(random: np.random.Generator, count: int, dim: int) -> Floats:
    """Rows of which many are equal, and many others apart by less than their scores' rounding."""
    kinds = unit(random.standard_normal((max(1, count // 5), dim)))
    rows = kinds[random.integers(len(kinds), size=count)]
    apart = random.choice([0, 1e-9, 3e-8, 1e-7, 1e-6, 1e-4, 1e-1])
    moved = random.random(count) < 0.6
    rows[moved] += random.standard_normal((int(moved.sum()), dim)).astype(np.float32) * apart
    return unit(rows)


def exact_cases(count: int) -> Iterator[None]:
    """Random small indexes, as many questions; each is compared bit by bit."""
    asked, seed = 0, 0
    while asked < count:
        random = np.random.default_rng([11, seed])
        seed += 1
        dim = int(random.choice([3, 24, 64, 100]))
        rows = ties(random, int(random.integers(2, 400)), dim)
        ids = np.sort(random.choice(3 * len(rows), len(rows), replace=False))
        built = int(random.integers(0, len(rows) + 1))
        index = VectorIndex.create(dim, policy=EARLY).with_rows(ids[:built], rows[:built])
        index = index.built().with_rows(ids[built:], rows[built:])
        hidden = random.random(len(rows)) < random.choice([0, 0.1, 0.9])
        index, keep = index.without(ids[hidden]), ~hidden
        allowed = None
        if random.random() < 0.5:
            passes = random.random(len(rows)) < random.choice([0.02, 0.5, 0.95])
            allowed, keep = ids[passes], keep & passes
        k = int(random.choice([1, 2, 10, 50, 500]))
        own = rows[random.integers(len(rows), size=int(random.choice([1, 1, 40])))]
        queries = np.concatenate([own, ties(random, 2, dim)]) if len(own) > 1 else own
        for part in (queries, queries[:1], queries[-1:]):
            found = index.search(part, k, allowed=allowed, exact=bool(random.integers(2)))
            assert found.exact
            for query, own_ids, own_scores in zip(part, found.ids, found.scores, strict=True):
                true, scores = best(rows[keep], ids[keep], query, k)
                np.testing.assert_array_equal(own_ids, filled(true, k))
                np.testing.assert_array_equal(own_scores[: len(true)], scores)
            asked += len(part)
        yield


@pytest.mark.parametrize("count", [1_500, pytest.param(100_000, marks=pytest.mark.slow)])
def test_exact_is_never_wrong_also_among_ties(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_ends, "_LEAST", 1)
    monkeypatch.setattr(early_ends, "_SCANS", 0)
    proven = 0
    nearest = early_ends.EarlyEnds.nearest

    def counting(
        self: early_ends.EarlyEnds, matrix: Floats, query: Floats, k: int, keep: Passing | None
    ) -> tuple[Ids, Floats] | None:
        nonlocal proven
        answer = nearest(self, matrix, query, k, keep)
        proven += answer is not None
        return answer

    monkeypatch.setattr(early_ends.EarlyEnds, "nearest", counting)
    assert sum(1 for _ in exact_cases(count)) > count / 200
    assert proven > count / 10, "questions whose comparisons ended early"
