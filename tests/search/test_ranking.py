from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.search.filters import combine_filters
from vitrail.search.ranking import overlap, reciprocal_rank_fusion, unseen_bound

rankings = st.lists(st.lists(st.integers(0, 30), unique=True, max_size=12), min_size=1, max_size=5)


def test_fusion_by_hand() -> None:
    fused = reciprocal_rank_fusion([[1, 2], [2, 3]], constant=60)
    assert fused[0][1] == pytest.approx(1 / 62 + 1 / 61)
    assert [image_id for image_id, _ in fused] == [2, 1, 3]


@given(rankings)
def test_fusion_keeps_every_id_once_and_ignores_order_of_rankings(lists: list[list[int]]) -> None:
    fused = reciprocal_rank_fusion(lists)
    assert {i for i, _ in fused} == {i for ranking in lists for i in ranking}
    assert len({i for i, _ in fused}) == len(fused)
    backwards = reciprocal_rank_fusion(lists[::-1])
    assert dict(backwards) == pytest.approx(dict(fused))


@given(st.lists(st.integers(0, 50), unique=True, min_size=1, max_size=20))
def test_fusing_a_ranking_with_itself_changes_nothing(ranking: list[int]) -> None:
    assert [i for i, _ in reciprocal_rank_fusion([ranking, ranking])] == ranking


def test_overlap_by_hand() -> None:
    assert overlap([[1, 2, 3]], 3) is None
    assert overlap([[1, 2], [2, 1]], 2) == 1.0
    assert overlap([[1, 2], [3, 4]], 2) == 0.0
    assert overlap([[1, 2], [2, 3]], 2) == pytest.approx(1 / 3)


def test_bound_is_the_weighted_sum() -> None:
    assert unseen_bound({"a": 0.5, "b": 0.25}, {"a": 0.5, "b": 0.5}) == pytest.approx(0.375)


def test_filters_join_in_parentheses() -> None:
    assert combine_filters(None, "all") is None
    assert combine_filters(None, "real") == "NOT generated"
    assert combine_filters("a or b -- note", "generated") == "(a or b -- note\n) AND generated"
