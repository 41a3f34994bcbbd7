"""Temperatures fit best, probabilities mean what they say, and what is told is held out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from vitrail.search.classification.probabilities import (
    choose,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    softmax,
)


def sampled(n: int, seed: int, heat: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores, too sure by ``heat``, and labels that were drawn by their true probabilities."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(n, 4)) * 1.5
    shares = softmax(scores)
    targets = np.array([random.choice(4, p=row) for row in shares])
    return scores * heat, targets


@pytest.mark.parametrize("heat", [0.2, 1.0, 5.0])
def test_the_temperature_undoes_what_was_too_sure_or_not_sure_enough(heat: float) -> None:
    scores, targets = sampled(4000, 0, heat)
    assert fit_temperature(scores, targets) == pytest.approx(heat, rel=0.1)


@pytest.mark.parametrize("heat", [0.2, 4.0])
def test_it_improves_what_was_held_out(heat: float) -> None:
    """Likelihood and calibration error of images that took no part in fitting it."""
    scores, targets = sampled(2000, 1, heat)
    there, held = slice(0, 1000), slice(1000, 2000)
    temperature = fit_temperature(scores[there], targets[there])
    raw, mended = softmax(scores[held]), softmax(scores[held], temperature)
    own = targets[held]
    assert negative_log_likelihood(mended, own) < negative_log_likelihood(raw, own) - 0.05
    assert expected_calibration_error(mended, own) < 0.6 * expected_calibration_error(raw, own)


@given(st.integers(0, 10_000))
def test_no_other_temperature_fits_better(seed: int) -> None:
    """By the likelihood of all and of one image more, whose label is any."""
    scores, targets = sampled(40, seed, 3.0)
    best = fit_temperature(scores, targets)

    def loss(temperature: float) -> float:
        logs = np.log(softmax(scores, temperature))
        return float(-logs[np.arange(40), targets].sum() - logs.mean())

    for other in (best * 0.9, best * 1.1, 1.0):
        assert loss(best) <= loss(other) + 1e-9


def test_who_is_always_right_is_not_certain() -> None:
    scores = np.repeat([[4.0, 0.0, 0.0], [0.0, 4.0, 0.0]], 10, axis=0)
    targets = np.repeat([0, 1], 10)
    sure = softmax(scores, fit_temperature(scores, targets)).max(axis=1)
    assert (sure > 0.95).all()
    assert (sure < 0.99).all()


def test_the_likelihood_is_scikit_learns() -> None:
    scores, targets = sampled(100, 2)
    ours = negative_log_likelihood(softmax(scores), targets)
    assert ours == pytest.approx(log_loss(targets, softmax(scores)), rel=1e-9)


def test_the_calibration_error_of_what_can_be_worked_out_by_hand() -> None:
    told = np.array([[0.9, 0.1]] * 4 + [[0.6, 0.4]] * 4)
    right = np.array([0, 0, 0, 0, 0, 0, 0, 1])
    # 4 of 4 right at 90%, 3 of 4 at 60%
    assert expected_calibration_error(told, right) == pytest.approx(0.5 * 0.1 + 0.5 * 0.15)


def test_what_is_told_of_a_fold_does_not_depend_on_its_labels() -> None:
    scores, targets = sampled(300, 3, 2.0)
    fold_of = np.arange(300) % 5
    other = np.where(fold_of == 2, (targets + 1) % 4, targets)
    options = [scores, 3 * scores, scores[:, ::-1].copy()]
    one, two = choose(options, targets, fold_of), choose(options, other, fold_of)
    np.testing.assert_allclose(
        one.probabilities[fold_of == 2], two.probabilities[fold_of == 2], rtol=1e-9
    )
    assert one.option in (0, 1)
    assert one.probabilities.sum(axis=1) == pytest.approx(1)
