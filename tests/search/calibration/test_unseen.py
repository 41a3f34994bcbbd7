from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.search.calibration.samples import example_vectors, random_rows
from vitrail.indexer.vectors.whitening import SHRINKAGE, Moments, Whitening
from vitrail.search.calibration.calibration import Calibration
from vitrail.search.calibration.pairs import sample_pairs, usable_labels
from vitrail.search.calibration.unseen import FittedOn

Floats = NDArray[np.float32]
W = {"a": 1.0}


def whitening_of(rows: Floats, shrinkage: float = SHRINKAGE) -> Whitening:
    moments = Moments(rows.shape[1])
    moments.add(rows)
    return moments.whitening(shrinkage=shrinkage)


def fitted_on(whitening: Whitening, rows: Floats, among: NDArray[np.bool_]) -> FittedOn:
    return FittedOn(int(among.sum()), whitening.lengths(rows), among)


@pytest.mark.parametrize(("shrinkage", "moved"), [(1.0, 0.02), (SHRINKAGE, 0.007)])
@pytest.mark.parametrize("left_out", [0, 7, 199])
def test_it_is_what_a_fit_without_the_image_gives(
    left_out: int, shrinkage: float, moved: float
) -> None:
    """Of spaces as they are fitted now, and as they were by earlier versions."""
    rows = example_vectors()[0][:200]
    order = np.roll(np.arange(200), -left_out)  # the one that is left out comes first
    rows = rows[order]
    whitening, without = whitening_of(rows, shrinkage), whitening_of(rows[1:], shrinkage)
    white, truth = whitening.apply(rows), without.apply(rows)
    told = fitted_on(whitening, rows, np.ones(200, bool)).unseen(white[:1] @ white.T, 0)
    expected = truth[:1] @ truth.T
    assert told[0, 1:] == pytest.approx(expected[0, 1:], abs=1e-3)
    assert np.abs(white[0] @ white[1:].T - expected[0, 1:]).max() > moved


def test_pairs_that_were_not_both_fitted_on_stay_as_they_are() -> None:
    rows = random_rows(80)
    among = np.arange(80) < 50
    whitening = whitening_of(rows[:50])
    white = whitening.apply(rows)
    cosines = white[10:60] @ white[10:].T
    told = fitted_on(whitening, rows, among).unseen(cosines, 10)
    both = among[10:60, None] & among[None, 10:]
    assert np.array_equal(told[~both], cosines[~both])
    apart = both & (np.abs(cosines) < 0.9)
    assert (np.abs(told - cosines)[apart] > 0).mean() > 0.99


@given(st.integers(33, 60), st.integers(2, 40), st.floats(0, 300), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_cosines_stay_cosines_and_the_same_image_the_same(
    count: int, dim: int, leaning: float, seed: int
) -> None:
    rows = random_rows(count, dim, seed=seed, leaning=leaning)
    rows[1] = rows[0]
    whitening = whitening_of(rows)
    white = whitening.apply(rows)
    told = fitted_on(whitening, rows, np.ones(count, bool)).unseen(white @ white.T, 0)
    assert told.dtype == np.float32
    assert np.isfinite(told).all()
    assert np.abs(told).max() <= 1
    assert told[0, 1] == pytest.approx(1, abs=1e-3)


def test_an_image_at_the_mean_and_a_fit_on_none_are_survived() -> None:
    lengths = np.array([0.0, 1.0, 1e9])
    cosines = np.eye(3, dtype=np.float32)
    for images in (0, 1, 2, 3):
        told = FittedOn(images, lengths, np.ones(3, bool)).unseen(cosines, 0)
        assert np.isfinite(told).all()


@pytest.mark.parametrize(("shrinkage", "overstated"), [(1.0, 1.8), (SHRINKAGE, 1.1)])
@pytest.mark.parametrize("share", [0.27, 0.5, 0.8])
def test_rates_of_a_whitened_space_hold_for_images_that_it_was_not_fitted_on(
    share: float, shrinkage: float, overstated: float
) -> None:
    """The one part is whitened and calibrated by, and images of the other ask it."""
    rows, labels = example_vectors()
    names = np.array(labels)
    rates = (0.1, 0.03, 0.01, 0.003, 0.001)
    found: dict[bool, list[list[float]]] = {True: [], False: []}
    for seed in range(6):
        order = np.random.default_rng(seed).permutation(len(rows))
        seen, asking = np.split(order, [int(share * len(order))])
        whitening = whitening_of(rows[seen], shrinkage)
        white = whitening.apply(rows)
        scores = (white[asking] @ white[seen].T)[names[asking][:, None] != names[seen][None]]
        fit = fitted_on(whitening, rows[seen], np.ones(len(seen), bool))
        numbers = usable_labels([labels[i] for i in seen])
        for heeds in found:
            pairs = sample_pairs([white[seen]], numbers, [fit] if heeds else None)
            told = Calibration(
                ("a",), pairs, np.zeros((0, 1), np.float32), (), len(seen), len(seen)
            )
            at = [told.threshold(rate, W) or 1.0 for rate in rates]
            found[heeds].append([np.mean(scores >= t) / r for t, r in zip(at, rates, strict=True)])
    ratios = np.mean(found[True], axis=0)
    assert (ratios > 0.5).all(), ratios
    assert (ratios < 2).all(), ratios
    plain = np.mean(found[False], axis=0)
    assert plain.max() > overstated, plain  # what pairs of the fitted images alone would state
