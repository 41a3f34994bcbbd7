from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.search.replication.thresholds import (
    curve,
    expected_above,
    false_positive_rates,
    needed_for,
    threshold,
)

SCORES = st.lists(st.integers(0, 30), min_size=1, max_size=60)


@given(SCORES, SCORES, st.sampled_from([0.5, 0.2, 0.1, 0.05]))
def test_the_line_of_a_rate_parts_those_whose_rate_is_at_most_that(
    scores: list[int], nulls: list[int], rate: float
) -> None:
    images, innocent = np.array(scores, float), np.array(nulls, float)
    rates = false_positive_rates(images, innocent)
    by_hand = [(sum(null >= score for null in nulls) + 1) / (len(nulls) + 1) for score in scores]
    np.testing.assert_allclose(rates, np.minimum(by_hand, 1))
    line = threshold(innocent, rate)
    if line is None:
        assert len(nulls) < needed_for(rate)
        assert (rates > rate).all()
    else:
        assert np.array_equal(images >= line, rates <= rate + 1e-12)


def test_how_many_innocent_images_a_rate_needs() -> None:
    assert [needed_for(rate) for rate in (0.5, 0.05, 0.01, 0.001)] == [1, 19, 99, 999]


@given(SCORES, SCORES)
def test_the_area_is_that_of_scikit_learn(copies: list[int], nulls: list[int]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    found = curve(np.array(copies, float), np.arange(len(copies)), np.array(nulls, float))
    labels = [1] * len(copies) + [0] * len(nulls)
    assert found.area.mean == pytest.approx(metrics.roc_auc_score(labels, [*copies, *nulls]))
    assert 0 <= found.area.low <= found.area.mean <= found.area.high <= 1
    assert found.false[-1] == found.caught[-1] == 1
    assert (np.diff(found.false) >= 0).all()
    assert (np.diff(found.caught) >= 0).all()
    assert np.trapezoid(found.caught, found.false) == pytest.approx(found.area.mean)


def test_how_many_chance_explains() -> None:
    mean, most = expected_above(1000, 0.01)
    draws = np.random.default_rng(0).binomial(1000, 0.01, 20_000)
    assert mean == 10
    assert abs(np.mean(draws <= most) - 0.95) < 0.03
    assert expected_above(0, 0.01) == (0, 0)
