"""One query is answered the shortest way as it is among others."""

from __future__ import annotations

import numpy as np
import pytest

from tests.indexer.vectors.vector_sets import clustered
from vitrail.indexer.vectors import approximate, parts
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.policy import IndexPolicy

SIZE, DIM = 4000, 32
POLICY = IndexPolicy(exact_floats=0, cold_floats=0, gather_rows=150, samples=60)
ROWS, QUERIES = np.split(clustered(SIZE + 12, DIM), [SIZE])
IDS = np.arange(SIZE, dtype=np.int64) * 2 + 7


@pytest.fixture(scope="module")
def index() -> VectorIndex:
    return VectorIndex.create(DIM, policy=POLICY).with_rows(IDS, ROWS).built()


@pytest.mark.parametrize("hidden", [0, 900])
@pytest.mark.parametrize("k", [1, 10, 200])
@pytest.mark.parametrize("recall", [0.9, 0.98])
def test_the_shortest_way_comes_to_the_same_answer(
    index: VectorIndex, monkeypatch: pytest.MonkeyPatch, hidden: int, k: int, recall: float
) -> None:
    index = index.without(np.random.default_rng(1).permutation(IDS)[:hidden])
    own, taken = approximate.walked, []

    def seen(*given: object) -> object:
        taken.append(own(*given))  # type: ignore[arg-type]
        return taken[-1]

    monkeypatch.setattr(parts, "walked", seen)
    short = [index.search(query[None], k, recall=recall) for query in QUERIES]
    assert len(taken) == len(QUERIES)
    assert any(taken) or k == 200, "for which a graph hardly pays"
    monkeypatch.setattr(parts, "walked", lambda *_: None)
    for query, found in zip(QUERIES, short, strict=True):
        other = index.search(query[None], k, recall=recall)
        np.testing.assert_array_equal(found.ids, other.ids)
        np.testing.assert_array_equal(found.scores, other.scores)
        assert (found.recall, found.scanned) == (other.recall, other.scanned)
