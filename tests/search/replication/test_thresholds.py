from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.search.replication.thresholds import (
    by_chance,
    curve,
    false_positive_rates,
    needed_for,
    rate_of_pairs,
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


@pytest.mark.parametrize("originals", [2, 24])
def test_the_bounds_of_the_area_hold_it_however_few_originals_there_are(originals: int) -> None:
    random, held = np.random.default_rng(1), []
    true = 0.9215  # of two normal deviates, one moved by 2, whose variances sum to 1.98
    for _ in range(150):
        copies = 2 + random.normal(0, 0.7, (originals, 1)) + random.normal(0, 0.7, (originals, 7))
        found = curve(
            copies.ravel(), np.repeat(np.arange(originals), 7), random.normal(size=300)
        ).area
        held.append(found.low <= true <= found.high)
    assert np.mean(held) >= 0.92


def test_copies_of_which_none_is_missed_leave_room_for_some_that_would_be() -> None:
    area = curve(np.ones(14), np.repeat(np.arange(2), 7), np.zeros(100)).area
    assert area.mean == area.high == 1
    assert area.low < 0.9


@pytest.mark.parametrize(("images", "innocent"), [(300, 99), (1000, 150), (2000, 1000)])
def test_so_many_innocent_images_reach_the_line_by_chance(images: int, innocent: int) -> None:
    random, counts = np.random.default_rng(0), []
    for _ in range(2000):
        line = threshold(random.normal(size=innocent), 0.01)
        assert line is not None
        counts.append(int((random.normal(size=images) >= line).sum()))
    chance = by_chance(images, innocent, 0.01)
    assert chance is not None
    assert np.mean(counts) == pytest.approx(chance.expected, rel=0.08)
    assert 0.93 < np.mean(np.array(counts) <= chance.at_most) < 0.98
    # as if the line were known there would be twice as many false alarms and more
    fixed = np.quantile(random.binomial(images, 0.01, 20_000), 0.95)
    assert np.mean(np.array(counts) > fixed) > 0.1


@given(st.integers(0, 400), st.integers(1, 400), st.sampled_from([0.5, 0.1, 0.01]))
def test_chance_is_that_of_scipy(images: int, innocent: int, rate: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    chance = by_chance(images, innocent, rate)
    if innocent < needed_for(rate):
        assert chance is None
        return
    assert chance is not None
    above = int((innocent + 1) * rate + 1e-9)
    law = stats.betabinom(images, above, innocent + 1 - above)
    assert chance.expected == pytest.approx(law.mean())
    assert law.cdf(chance.at_most) >= 0.95 - 1e-9
    assert chance.at_most == 0 or law.cdf(chance.at_most - 1) < 0.95 + 1e-9


@pytest.mark.parametrize("innocent", [100, 200, 300, 1000])
def test_innocent_images_that_come_in_pairs_tell_a_lower_line(innocent: int) -> None:
    random = np.random.default_rng(0)
    reached = []
    for _ in range(4000):
        line = threshold(random.random(innocent // 2).repeat(2), 0.01)
        assert line is not None
        reached.append(1 - line)  # the share of new images, whose scores are as likely as any
    assert np.mean(reached) == pytest.approx(rate_of_pairs(innocent, 0.01), rel=0.06)


def test_of_too_few_innocent_images_no_rate_is_known() -> None:
    assert rate_of_pairs(98, 0.01) is None
    assert [rate_of_pairs(m, 0.01) for m in (99, 199, 999)] == [0.02, 0.01, 0.01]
