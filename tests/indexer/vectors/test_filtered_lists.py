"""Filters over an approximate index: never too few rows, and the recall that is told."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.indexer.vectors.vector_sets import Floats, Ids, clustered, recall, reference
from vitrail.indexer.vectors import filtered
from vitrail.indexer.vectors.filtered import expected_missed
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.plans import surprising
from vitrail.indexer.vectors.policy import IndexPolicy

POLICY = IndexPolicy(exact_floats=0, cold_floats=0, gather_rows=60, samples=60, graph=False)
SIZE, DIM = 12_000, 24
IDS = np.arange(SIZE, dtype=np.int64) * 3 + 1
ROWS = clustered(SIZE + 80, DIM, seed=4)
ROWS, QUERIES = ROWS[:SIZE], ROWS[SIZE:]


@pytest.fixture(scope="module")
def index() -> VectorIndex:
    built = VectorIndex.create(DIM, policy=POLICY).with_rows(IDS, ROWS).built()
    assert built.kind != "exact"
    return built


def sides(share: float, seed: int) -> tuple[Ids, Floats]:
    """The share of rows farthest along a direction, and queries from the other end of it."""
    direction = np.random.default_rng(seed).normal(size=DIM).astype(np.float32)
    along = ROWS @ direction
    allowed = IDS[along >= np.quantile(along, 1 - share)]
    return allowed, QUERIES[np.argsort(QUERIES @ direction)[:40]]


@pytest.mark.parametrize("first", [64, 8])
@pytest.mark.parametrize("k", [1, 10, 40])
@pytest.mark.parametrize("share", [0.5, 0.25, 0.1])
def test_a_filter_that_leaves_out_where_the_query_is_keeps_the_recall_that_is_told(
    index: VectorIndex, share: float, k: int, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filtered, "_FIRST", first)
    found, true = [], []
    told = 1.0
    for seed in range(3):
        allowed, queries = sides(share, seed)
        answer = index.search(queries, k, allowed=allowed)
        told = min(told, answer.recall)
        found.append(answer.ids)
        true.append(reference(allowed, ROWS[np.isin(IDS, allowed)], queries, k))
    assert recall(np.concatenate(found), np.concatenate(true)) >= told - 0.02, "120 queries"


@settings(max_examples=60, deadline=None)
@example(35, 1277, 25, "run")
@given(
    st.integers(0, 2**32 - 1),
    st.one_of(st.integers(0, 400), st.integers(400, SIZE)),
    st.integers(1, 90),
    st.sampled_from(["random", "near", "far", "run"]),
)
def test_a_filter_never_makes_an_answer_short(
    index: VectorIndex, seed: int, count: int, k: int, kind: str
) -> None:
    random = np.random.default_rng(seed)
    query = QUERIES[random.integers(len(QUERIES))][None]
    if kind == "random":
        chosen = random.choice(SIZE, count, replace=False)
    elif kind == "run":
        start = random.integers(0, SIZE - count + 1)
        chosen = np.arange(start, start + count)
    else:
        order = np.argsort(ROWS @ query[0])
        chosen = order[-count:] if kind == "near" else order[:count]
    allowed = np.sort(IDS[chosen[:count]])
    answer = index.search(query, k, allowed=allowed)
    own = answer.ids[0][answer.ids[0] >= 0]
    assert len(own) == len(set(own.tolist())) == min(k, len(allowed))
    assert np.isin(own, allowed).all()
    if answer.exact and count:
        best = reference(allowed, ROWS[np.isin(IDS, allowed)], query, min(k, len(allowed)))
        # as float64 has it, but for what float32 takes for equal
        scores = ROWS.astype(np.float64) @ query[0].astype(np.float64)
        places = [np.searchsorted(IDS, ids) for ids in (own, best[0])]
        assert np.allclose(scores[places[0]], scores[places[1]], atol=1e-6, rtol=0)


def test_a_filter_that_leads_far_away_reads_codes_instead_of_rows(index: VectorIndex) -> None:
    allowed, queries = sides(0.5, 1)
    answers = [index.search(query[None], 1, allowed=allowed) for query in queries]
    assert sum(one.scanned for one in answers) < len(queries) * len(allowed) / 4
    true = reference(allowed, ROWS[np.isin(IDS, allowed)], queries, 1)
    told = np.mean([one.recall for one in answers])
    assert recall(np.concatenate([one.ids for one in answers]), true) >= told - 0.03


def test_lists_are_read_from_the_nearest_on_until_more_bring_little(
    index: VectorIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filtered, "_FIRST", 8)
    allowed, queries = sides(0.5, 1)
    lists = index._parts.lists
    assert lists is not None
    read: list[int] = []
    sweep = lists.sweep

    def counting(*given: Any) -> Any:
        read.append(len(given[4]) if len(given) > 4 else len(lists.filled(given[2])))
        return sweep(*given)

    monkeypatch.setattr(lists, "sweep", counting)
    filled = len(lists.filled(index._parts.base.passing(allowed)))
    some = []
    for query in queries:
        read.clear()
        answer = index.search(query[None], 3, allowed=allowed)
        assert not answer.exact
        some.append(sum(read))
    assert np.median(some) < filled / 2
    assert max(some) <= 3 * filled, "all of them once or twice where that is not enough"


def test_queries_in_a_batch_are_answered_as_one_by_one_wherever_a_filter_leads(
    index: VectorIndex,
) -> None:
    allowed, far = sides(0.3, 2)
    near = QUERIES[np.argsort(-(QUERIES @ ROWS[np.isin(IDS, allowed)].mean(0)))[:20]]
    queries = np.concatenate([near, far])
    together = index.search(queries, 5, allowed=allowed)
    alone = [index.search(query[None], 5, allowed=allowed) for query in queries]
    assert (together.ids == np.concatenate([one.ids for one in alone])).all()
    assert (together.scores == np.concatenate([one.scores for one in alone])).all()
    assert together.recall == min(one.recall for one in alone)
    assert together.scanned == sum(one.scanned for one in alone)


@pytest.mark.parametrize("k", [1, 5, 50])
@pytest.mark.parametrize("noise", [0.2, 0.4, 0.5, 0.7, 1.0])
def test_no_more_are_missed_than_is_expected(k: int, noise: float) -> None:
    random = np.random.default_rng(round(10 * noise) + k)
    missed, expected = [], []
    for _ in range(60):
        scores = random.normal(0, 0.1, 8_000).astype(np.float32)
        estimates = (scores + random.normal(0, 0.1 * noise, 8_000)).astype(np.float32)
        chosen = np.argpartition(-estimates, 400)[:400]
        best = np.argpartition(-scores, k)[:k]
        missed.append(k - len(np.intersect1d(chosen, best)))
        kth = np.sort(scores[chosen])[-k]
        expected.append(min(k, expected_missed(scores[chosen], estimates[chosen], kth)))
    total = np.sum(expected)
    assert np.sum(missed) <= total + 3 * np.sqrt(total + 1)
    if noise < 0.3:
        assert total < 0.01 * 60 * k, "what is sure is told as sure"


def test_estimates_that_tell_nothing_promise_nothing() -> None:
    scores = np.linspace(0.1, 0.9, 30).astype(np.float32)
    assert expected_missed(scores, np.full(30, 0.5, np.float32), scores[-3]) == math.inf
    assert expected_missed(scores, scores, scores[-3]) < 1e-6


def test_a_sample_surprises_where_chance_would_not() -> None:
    assert [surprising(mean) for mean in (0.001, 0.04, 0.3, 1.0, 5.0)] == [1, 2, 3, 5, 12]
