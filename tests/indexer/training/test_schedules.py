from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.indexer.training.schedules import layer_share, warmup_cosine


def test_rates_by_hand() -> None:
    rates = [warmup_cosine(step, 6, 1 / 3) for step in range(6)]
    # two rising steps; then (1 + cos(0)) / 2, (1 + cos(45°)) / 2, (1 + cos(90°)) / 2, 135°
    assert rates == pytest.approx([0.5, 1.0, 1.0, 0.853553390, 0.5, 0.146446609])
    assert [warmup_cosine(step, 2, 0) for step in range(3)] == pytest.approx([1.0, 0.5, 0.0])


@given(st.integers(1, 300), st.floats(0, 1))
def test_a_rate_rises_then_falls_and_is_never_nothing(steps: int, warmup: float) -> None:
    rates = [warmup_cosine(step, steps, warmup) for step in range(steps)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert all(0 < rate <= 1 for rate in rates)


def test_layers_by_hand() -> None:
    assert [layer_share(layer, 3, 0.5) for layer in range(4)] == [0.125, 0.25, 0.5, 1.0]
    assert layer_share(0, 12, 1.0) == 1
