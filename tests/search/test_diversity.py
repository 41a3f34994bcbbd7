"""Maximal marginal relevance, held to its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.fakes import BruteIndex, FakeCollection, unit
from vitrail.indexer.errors import InputError
from vitrail.search.diversity import diversify
from vitrail.search.options import SearchOptions
from vitrail.search.query import Query
from vitrail.search.searcher import Searcher


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 12), st.floats(0, 1))
def test_each_choice_has_the_highest_marginal_relevance(
    seed: int, size: int, k: int, diversity: float
) -> None:
    random = np.random.default_rng(seed)
    rows = {s: unit(random.normal(size=(size, 3)).astype(np.float32)) for s in "ab"}
    weights = {"a": 0.4, "b": 0.6}
    relevance = np.sort(random.uniform(-1, 1, size).astype(np.float32))[::-1]
    chosen = diversify(relevance, rows, weights, k, diversity).tolist()
    assert len(set(chosen)) == len(chosen) == min(k, size)
    alike = sum(weights[s] * (rows[s] @ rows[s].T) for s in "ab")
    assert chosen[0] == 0, "the best stays the first"
    for i, one in enumerate(chosen[1:], 1):
        before = chosen[:i]
        marginal = (1 - diversity) * relevance - diversity * alike[:, before].max(axis=1)  # type: ignore[index]
        left = [n for n in range(size) if n not in before]
        assert marginal[one] >= marginal[left].max() - 1e-5
    plain = diversify(relevance, rows, weights, k, 0.0).tolist()
    assert plain == list(range(min(k, size)))


def test_copies_do_not_fill_an_answer() -> None:
    rows = unit(np.array([[1, 0.1], *[[1, 0.11]] * 5, [0.6, 0.8], [0.6, -0.8]], np.float32))
    collection = FakeCollection(a=BruteIndex(range(8), rows))
    query = Query({"a": unit(np.array([[1, 0]], np.float32))}, {"a": 1.0}, SearchOptions(k=3))
    assert [hit.id for hit in Searcher(collection).search(query).hits] == [0, 1, 2]
    options = SearchOptions(k=3, diverse=0.6)
    different = Searcher(collection).search(Query(query.vectors, query.weights, options))
    assert [hit.id for hit in different.hits] == [0, 7, 6]
    assert different.exact
    assert different.next is None


@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan")])
def test_a_diversity_out_of_range_is_refused(wrong: float) -> None:
    with pytest.raises(InputError, match="diverse is"):
        SearchOptions(diverse=wrong)
