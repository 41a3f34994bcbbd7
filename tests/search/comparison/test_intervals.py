"""Intervals of a nominal 95% hold the truth about as often as that, in simulated sets."""

from __future__ import annotations

import numpy as np
import pytest

from tests.search.comparison.simulating import CASES, ROUNDS, held
from vitrail.search.comparison.estimates import (
    by_parts,
    half_width,
    leave_out,
    share_by_parts,
    split,
    spread_of,
    student,
)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_intervals_hold_the_truth_as_often_as_they_say(case: str) -> None:
    shift = CASES[case][1]
    for name, share in held(*CASES[case], rounds=ROUNDS).items():
        # of sets alike, the Fréchet distance cannot be below its truth of 0: half of the misses
        most = 0.98 if name != "frechet" or shift else 0.99
        assert 0.9 <= share <= most, (name, share)


def test_some_sets_hold_the_truth_about_as_often() -> None:
    for name, share in held(*CASES["100 images, sets alike"], rounds=50).items():
        assert share >= 0.86, (name, share)  # of 95%, fewer once in a hundred


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
        one = share_by_parts(value, parts, 80)
        assert 0 <= one.low <= value <= one.high <= 1
    assert by_parts(1.2, 1 + parts).high > 1.2
    assert by_parts(0.01, parts).low == 0


def test_a_share_is_no_surer_than_images_by_themselves_make_it() -> None:
    """Also where all parts say the same, such as that all of a set is covered."""
    same = np.ones((20, 2))
    assert share_by_parts(1.0, same, 100).low == pytest.approx(0.988, abs=1e-3)
    assert share_by_parts(1.0, same, 100).high == 1
    half = share_by_parts(0.5, same / 2, 400)
    assert half.high - 0.5 == pytest.approx(2.18 * np.sqrt(0.25 / 400), rel=0.01)


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
