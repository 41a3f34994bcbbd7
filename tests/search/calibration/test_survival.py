from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vitrail.search.calibration.survival import fit

samples = arrays(
    np.float32,
    st.integers(2, 60),
    elements=st.floats(-1, 1, width=32, allow_subnormal=False),
)


@given(samples, st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_the_curve_falls_and_ends_at_one_in_the_population(values: np.ndarray, seed: int) -> None:
    counts = np.random.default_rng(seed).integers(1, 50, len(values)).astype(np.float32)
    curve = fit(values, counts)
    at = np.sort(np.concatenate([values, np.linspace(-2, 2, 101)]))
    rates = curve.rate(at)
    assert (np.diff(rates) <= 0).all()
    assert rates[0] == 1
    assert rates.min() >= 1 / counts.sum(dtype=np.float64) * (1 - 1e-9)
    assert curve.least == pytest.approx(1 / counts.sum())


@given(samples, st.floats(0.001, 1))
@settings(max_examples=100, deadline=None)
def test_a_value_has_the_rate_that_it_was_asked_for(values: np.ndarray, rate: float) -> None:
    curve = fit(values, np.ones(len(values), np.float32))
    value = curve.value(rate)
    if rate < curve.least * (1 - 1e-6):
        assert value is None
        return
    assert value is not None
    if len(np.unique(values)) == len(values):  # among equals a share jumps
        assert curve.rate(np.array([value]))[0] == pytest.approx(rate, rel=0.02)
    assert curve.rate(np.array([np.nextafter(value, 2)]))[0] <= rate * 1.02


@pytest.mark.parametrize("seed", range(5))
def test_where_the_sample_is_dense_shares_are_counted(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=2000)
    curve = fit(values, np.ones(len(values)))
    for value in np.linspace(-2, 1.2, 50):
        assert abs(curve.rate(np.array([value]))[0] - np.mean(values >= value)) < 0.003


@pytest.mark.parametrize("shape", [-0.4, -0.1, 0.0, 0.2])
def test_the_tail_of_a_hundredfold_population_is_foreseen(shape: float) -> None:
    """Drawn from a generalised Pareto distribution, whose shares are known."""
    drawn = np.random.default_rng(3).random(20_000)
    log = np.log(drawn)
    values = -log if shape == 0 else (drawn**-shape - 1) / shape
    curve = fit(values, np.full(len(values), 10.0))
    for rate in (1e-2, 1e-3, 1e-4, 2e-5):
        true = -np.log(rate) if shape == 0 else (rate**-shape - 1) / shape
        assert rate / 2 < curve.rate(np.array([true]))[0] < 2 * rate


def test_one_value_only_is_always_reached_and_never_passed() -> None:
    curve = fit(np.full(10, 0.5), np.ones(10))
    assert curve.rate(np.array([0.0, 0.5, 0.6])) == pytest.approx([1, 1, 0.1])


def test_counts_weigh_like_as_many_values() -> None:
    values = np.random.default_rng(0).normal(size=200)
    counts = np.random.default_rng(1).integers(1, 5, 200)
    weighed = fit(values, counts.astype(np.float32))
    repeated = np.repeat(values, counts)
    for value in (-1.0, 0.0, 1.0):
        share = float(np.mean(repeated >= value))
        assert weighed.rate(np.array([value]))[0] == pytest.approx(share, abs=0.02)
