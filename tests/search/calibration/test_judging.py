"""Rates and words of a question's hits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.calibration.samples import Floats, calibration_of, random_rows
from tests.search.fakes import BruteIndex, FakeCollection, unit
from vitrail.search.calibration.calibration import Calibration
from vitrail.search.options import SearchOptions
from vitrail.search.query import Query, SearchResult
from vitrail.search.searcher import Searcher

ROWS = random_rows(300)
CALIBRATION = calibration_of({"a": ROWS})
SEARCHER = Searcher(FakeCollection(a=BruteIndex(range(300), ROWS)), lambda _: CALIBRATION)
W = {"a": 1.0}


def ask(rows: Floats, **options: object) -> SearchResult:
    chosen = SearchOptions(**{"k": 300, **options})  # type: ignore[arg-type]
    return SEARCHER.search(Query({"a": rows}, W, chosen))


@given(st.integers(0, 299), st.floats(0.001, 1), st.none() | st.floats(-1, 1))
@settings(max_examples=60, deadline=None)
def test_a_cutoff_keeps_just_the_hits_of_its_rate(
    number: int, rate: float, least: float | None
) -> None:
    every = ask(ROWS[[number]])
    kept = ask(ROWS[[number]], max_fpr=rate, min_score=least)
    threshold = CALIBRATION.threshold(rate, W) or 2.0
    bound = max(threshold, -1.0 if least is None else least)
    expected = [hit.id for hit in every.hits if np.float32(hit.score) >= np.float32(bound)]
    assert [hit.id for hit in kept.hits] == expected
    for hit in kept.hits:
        assert (hit.fpr or 0) <= rate * 1.001


def test_a_cutoff_heeds_how_many_rows_may_be_near_by_chance() -> None:
    rows = random_rows(4, seed=7)
    every = ask(rows, fusion="best-score").hits
    for rate in (0.3, 0.05):
        kept = ask(rows, fusion="best-score", max_fpr=rate).hits
        assert 0 < len(kept) < len(every)
        single = CALIBRATION.threshold(rate / 4, W) or 2.0
        assert [hit.id for hit in kept] == [hit.id for hit in every if hit.score >= single]
        assert min(hit.fpr or 1 for hit in every[len(kept) :]) > rate * 0.999
    assert max(hit.fpr or 1 for hit in kept) <= 0.05 * 1.001


def test_of_several_rows_rates_are_bounds_that_hold() -> None:
    """Rows that nothing else is like: what scores so high does so by chance."""
    random = np.random.default_rng(5)
    asked = [unit(random_rows(4, seed=int(n))) for n in random.integers(1000, 10**6, 80)]
    for fusion in ("mean", "best-score"):
        results = [ask(rows, fusion=fusion) for rows in asked]
        assert all(one.scale is not None and one.scale.at_most for one in results)
        told = [hit.fpr for one in results for hit in one.hits]
        for stated in (0.1, 0.03):
            assert np.mean([rate is not None and rate <= stated for rate in told]) <= stated * 1.25
        assert None in told, "a bound above a tenth says nothing"
        assert max(rate for rate in told if rate is not None) <= 0.1
    words = {hit.closeness for one in results for hit in one.hits}
    assert "chance" not in words


def test_a_bound_above_a_tenth_is_left_out_and_the_scale_says_so() -> None:
    single = ask(ROWS[[7]])
    assert single.scale is not None
    assert single.scale.most_rate == 1.0
    assert all(hit.fpr is not None for hit in single.hits)
    several = ask(ROWS[[7, 8]], fusion="mean")
    assert several.scale is not None
    assert several.scale.most_rate == 0.1
    least = CALIBRATION.threshold(0.1, W)
    assert least is not None
    for hit in several.hits:
        assert (hit.fpr is None) == (hit.score < least)


def test_an_answer_tells_what_its_words_go_by() -> None:
    result = ask(ROWS[[7]])
    assert result.scale == CALIBRATION.scale(W)
    assert result.hits[0].closeness == "copy"
    assert result.hits[-1].closeness == "chance"
    assert result.hits[-1].fpr == pytest.approx(1, abs=0.05)
    assert "closeness='copy'" in repr(result.hits[0])
    assert repr(result).splitlines()[1] == f"  {result.hits[0].score:.4f}  copy  7  /pictures/7.png"
    table = result.to_arrow()
    assert table["closeness"].to_pylist()[0] == "copy"
    assert table["fpr"].to_pylist() == [hit.fpr for hit in result.hits]


def test_a_prompts_hits_are_judged_by_unrelated_prompts_alone() -> None:
    background = {"a": random_rows(5, seed=9)}
    for options in (SearchOptions(), SearchOptions(max_fpr=0.5)):
        query = Query({"a": ROWS[[0]]}, W, options, background=background)
        result = SEARCHER.search(query)
        assert result.scale is None
        assert {(hit.fpr, hit.closeness) for hit in result.hits} <= {(None, None)}
        assert result.evidence.verdict is not None
    cut = CALIBRATION.threshold(0.5, W) or 0
    assert all(hit.score >= cut for hit in result.hits)


def test_each_of_many_rows_is_judged_as_if_it_were_asked_alone() -> None:
    query = Query({"a": ROWS[:3]}, W, SearchOptions(k=20, max_fpr=0.2))
    each = SEARCHER.search_each(query)
    for number, result in enumerate(each):
        alone = ask(ROWS[[number]], k=20, max_fpr=0.2)
        assert [(h.id, h.fpr, h.closeness) for h in result.hits] == [
            (h.id, h.fpr, h.closeness) for h in alone.hits
        ]


@pytest.mark.parametrize(
    ("rate", "told"),
    [(0.5, "50%"), (0.034, "3.4%"), (0.002, "0.20%"), (0.00012, "0.012%"), (1.0, "100%")],
)
def test_a_rate_is_told_in_two_digits(rate: float, told: str) -> None:
    scale = CALIBRATION.scale(W)
    assert scale.tell(rate) == told
    assert CALIBRATION.scale(W, at_most=True).tell(rate) == f"≤ {told}"
    assert scale.tell(scale.least_rate) == "< 0.0022%"


def test_nothing_is_judged_where_nothing_tells() -> None:
    def none(_: tuple[str, ...]) -> Calibration | None:
        return None

    searcher = Searcher(FakeCollection(a=BruteIndex(range(300), ROWS)), none)
    result = searcher.search(Query({"a": ROWS[[0]]}, W, SearchOptions(k=3)))
    assert [hit.fpr for hit in result.hits] == [None] * 3
