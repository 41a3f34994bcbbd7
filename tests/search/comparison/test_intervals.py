"""Intervals of a nominal 95% hold the truth about as often as that, in simulated sets."""

from __future__ import annotations

import numpy as np
import pytest

from tests.search.comparison.simulating import held
from vitrail.search.comparison.estimates import (
    by_parts,
    half_width,
    leave_out,
    split,
    spread_of,
    student,
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "shift", "narrow"), [(75, 0.3, 0.8), (100, 0.0, 1.0), (150, 0.3, 0.8)]
)
def test_intervals_hold_the_truth_as_often_as_they_say(
    count: int, shift: float, narrow: float
) -> None:
    shares = held(count, shift, narrow, rounds=200)
    # a share of 95% is 92 to 98% in 200 rounds by chance alone
    for name, share in shares.items():
        assert share >= 0.89, (name, share)
        if name != "frechet" or shift:  # of sets alike its truth of 0 is at the edge
            assert share <= 0.995, (name, share)


def test_the_mean_has_its_textbook_interval() -> None:
    random = np.random.default_rng(0)
    values = random.standard_normal(200)
    replicates = leave_out(lambda kept: float(values[kept].mean()), 200)
    assert len(replicates) == 20
    assert spread_of(replicates) == pytest.approx(values.var(ddof=1) / 200, rel=0.5)
    each = leave_out(lambda kept: float(values[kept].mean()), 200, groups=200)
    assert spread_of(each) == pytest.approx(values.var(ddof=1) / 200)
    half = half_width([(spread_of(each), 199)])
    assert half == pytest.approx(1.972 * values.std(ddof=1) / np.sqrt(200), rel=0.01)


def test_shares_keep_within_their_bounds() -> None:
    parts = np.random.default_rng(0).uniform(0.7, 1.0, (10, 4))
    for value in (0.0, 0.02, 0.5, 0.98, 1.0):
        one = by_parts(value, parts, share=True)
        assert 0 <= one.low <= value <= one.high <= 1
    assert by_parts(0.9, np.full((10, 4), 0.9), share=True).high == pytest.approx(0.9)
    assert by_parts(1.2, 1 + parts, share=False).high > 1.2


def test_groups_are_all_of_the_rows_once() -> None:
    for count, groups in ((10, 3), (7, 20), (200, 20)):
        parts = split(count, groups, seed=1)
        assert len(parts) == min(count, groups)
        assert sorted(np.concatenate(parts).tolist()) == list(range(count))


def test_student_is_never_too_small() -> None:
    assert student(1) == 12.71
    assert student(7.5) == 2.45
    assert student(1e9) == 1.962
    assert half_width([(0.0, 5)]) == 0
