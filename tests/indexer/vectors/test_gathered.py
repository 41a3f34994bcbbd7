"""Rows that are read where they lie are found and scored as if they were compared one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.indexer.vectors.vector_sets import clustered, unit
from vitrail.indexer.vectors import gathered
from vitrail.indexer.vectors.exact import ImpossibleScoreError
from vitrail.indexer.vectors.rows import Rows


@given(
    count=st.integers(1, 400),
    dim=st.sampled_from([3, 16, 100, 384]),
    k=st.sampled_from([1, 2, 10, 100, 500]),
    apart=st.sampled_from([0, 1e-7, 1e-5, 0.1]),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=examples(100), deadline=None)
def test_the_best_are_those_of_a_comparison_with_each(
    count: int, dim: int, k: int, apart: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    kinds = clustered(max(1, count // 5), dim, seed)
    rows = kinds[random.integers(len(kinds), size=count)]
    rows = unit(rows + random.standard_normal(rows.shape).astype(np.float32) * apart)
    positions = np.sort(random.choice(count, random.integers(1, count + 1), replace=False))
    query = rows[0]
    found, scores = gathered.nearest_among(rows, positions, query, k)
    each = np.clip(np.vecdot(rows[positions], query), -1, 1)
    best = positions[np.lexsort((positions, -each))[:k]]
    order = np.lexsort((found, -scores))[:k]
    np.testing.assert_array_equal(found[order], best)
    np.testing.assert_array_equal(scores[order], np.sort(each)[::-1][:k])


def test_rows_of_a_file_that_cannot_be_written_to_serve() -> None:
    rows = clustered(300, 32)
    rows.flags.writeable = False
    found, _ = gathered.nearest_among(rows, np.arange(299, -1, -3), rows[5], 3)
    assert len(found) >= 3
    strided = np.arange(300)[1::2]
    assert 5 in gathered.nearest_among(rows, strided, rows[5], 3)[0]


def test_a_row_that_is_no_unit_vector_shows() -> None:
    rows = clustered(300, 32)
    rows[7] *= 3
    with pytest.raises(ImpossibleScoreError):
        gathered.nearest_among(rows, np.arange(300), rows[7] / 3, 3)
    rows[7] = np.nan
    with pytest.raises(ImpossibleScoreError):
        gathered.nearest_among(rows, np.arange(300), rows[8], 3)


def test_positions_beyond_the_rows_are_no_memory_of_others() -> None:
    rows = clustered(300, 32)
    for odd in (-1, 300):
        with pytest.raises(IndexError, match=f"{odd}"):
            gathered.nearest_among(rows, np.array([*range(99), odd]), rows[8], 3)


def test_rows_are_copied_as_long_as_nothing_can_read_them(monkeypatch: pytest.MonkeyPatch) -> None:
    import faiss  # by which they are read

    assert faiss
    rows = Rows(np.arange(300), clustered(300, 32))
    places = np.arange(0, 300, 2)
    assert gathered.pays(len(places), 5)
    there = rows.gather(rows.matrix[:1], 5, places)
    monkeypatch.setattr(gathered, "pays", lambda _rows, _k: False)
    copied = rows.gather(rows.matrix[:1], 5, places)
    for one in (there, copied):
        order = np.lexsort((one.ids, -one.scores))[:5]
        assert one.ids[order[0]] == 0
    best = [set(one.ids[np.argsort(-one.scores)[:5]].tolist()) for one in (there, copied)]
    assert best[0] == best[1]
