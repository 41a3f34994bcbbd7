from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.calibration.samples import (
    calibration_of,
    example_vectors,
    pairs_of,
    random_rows,
)
from vitrail.indexer.errors import InputError
from vitrail.search.calibration.calibration import LOOK_ALIKE, RELATED, SAME
from vitrail.search.calibration.pairs import sample_pairs, usable_labels

CLOSER = {"chance": 0, "related": 1, "look-alike": 2, "copy": 3}
W = {"a": 1.0}
BOTH = calibration_of(
    {"a": random_rows(120), "b": random_rows(120, seed=1)},
    copies=np.random.default_rng(0).uniform(0.85, 1, (60, 2)).astype(np.float32),
)


def test_stated_rates_hold_for_images_that_were_not_seen() -> None:
    """Example images of a real encoder, in halves: one is fitted to, pairs of the other counted."""
    rows, labels = example_vectors()
    rates = (0.1, 0.03, 0.01, 0.003, 0.001)
    ratios = []
    for seed in range(8):
        order = np.random.default_rng(seed).permutation(len(rows))
        seen, unseen = order[: len(order) // 2], order[len(order) // 2 :]
        fitted = calibration_of({"a": rows[seen]}, labels=[labels[i] for i in seen])
        others = sample_pairs([rows[unseen]], usable_labels([labels[i] for i in unseen]))
        scores = pairs_of(others)[~others.of_one_label]
        at = [fitted.threshold(rate, W) or 1.0 for rate in rates]
        ratios.append([np.mean(scores >= t) / r for t, r in zip(at, rates, strict=True)])
    mean = np.mean(ratios, axis=0)
    assert (mean > 0.5).all(), mean
    assert (mean < 2).all(), mean


@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=30),
    st.floats(0.01, 1),
    st.floats(0, 1),
    st.sampled_from([100, 5_000, 10**6, 10**9]),
)
@settings(max_examples=100, deadline=None)
def test_higher_scores_are_never_less_rare_nor_further_by_word(
    scores: list[float], a: float, b: float, images: int
) -> None:
    weights = {"a": a / (a + b), "b": b / (a + b)}
    calibration = replace(BOTH, images=images, _curves={})
    ascending = np.sort(np.array([*scores, -1.0, 1.0]))
    rates = calibration.false_positive_rate(ascending, weights)
    assert (np.diff(rates) <= 0).all()
    assert rates.min() >= calibration.least_rate(weights)
    scale = calibration.scale(weights)
    words = [scale.closeness(score) for score in ascending.tolist()]
    assert [CLOSER[word or ""] for word in words] == sorted(CLOSER[word or ""] for word in words)
    assert words[-1] == "copy"
    for rate, word in zip(rates.tolist(), words, strict=True):  # no word contradicts the rate
        least = calibration.least_rate(weights)
        if word == "related":
            assert rate <= max(least, min(RELATED, 1 / images)) * 1.01
        elif word in ("look-alike", "copy"):
            assert rate <= max(least, min(LOOK_ALIKE, 0.1 / images)) * 1.01


def test_a_word_asks_more_of_a_larger_collection() -> None:
    small, large = replace(BOTH, images=120, _curves={}), replace(BOTH, images=5_000, _curves={})
    assert small.scale(W).related < large.scale(W).related
    assert small.scale(W).look_alike < large.scale(W).look_alike
    largest = replace(BOTH, images=10**9, _curves={}).scale(W)
    assert large.scale(W).look_alike < largest.look_alike <= largest.copy <= SAME


def test_a_threshold_lets_through_the_share_that_it_is_for() -> None:
    rows = random_rows(400)
    calibration = calibration_of({"a": rows})
    scores = pairs_of(sample_pairs([rows]))
    for rate in (0.3, 0.05, 0.005):
        found = calibration.threshold(rate, W)
        assert found is not None
        assert np.mean(scores >= found) == pytest.approx(rate, rel=0.1)
    assert calibration.threshold(1e-9, W) is None
    assert calibration.threshold(1.0, W) == pytest.approx(scores.min(), abs=1e-6)


def test_weights_make_their_own_background() -> None:
    weights = {"a": 0.25, "b": 0.75}
    joint = BOTH.sample.scores @ np.array([0.25, 0.75], np.float32)
    found = BOTH.threshold(0.05, weights)
    assert found is not None
    assert np.mean(joint >= found) == pytest.approx(0.05, rel=0.1)
    assert BOTH.threshold(0.05, {"b": 1.0}) != found
    with pytest.raises(InputError, match="space 'c' are not calibrated, but those of a, b"):
        BOTH.threshold(0.05, {"c": 1.0})


def test_copies_lie_beyond_different_images_where_the_encoder_tells_them_apart() -> None:
    rows = {"a": random_rows(100, dim=64, leaning=0)}  # no two are nearer than 0.6
    copies = np.linspace(0.8, 1, 50, dtype=np.float32)[:, None]
    told = calibration_of(rows, copies=copies).scale(W)
    assert told.copy == pytest.approx(0.82, abs=0.01)  # nine in ten
    blurred = calibration_of({"a": random_rows(100, leaning=12)}, copies=copies).scale(W)
    assert 0.82 < blurred.copy <= max(0.9, blurred.look_alike)
    assert calibration_of(rows).scale(W).copy == SAME


def test_pairs_of_one_label_are_no_chance_but_different_images() -> None:
    kinds = np.repeat(np.eye(16, dtype=np.float32)[:10], 20, axis=0)
    rows = kinds + 0.02 * random_rows(200, leaning=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    labels: list[str | None] = [str(i // 20) for i in range(200)]
    copies = np.full((10, 1), 0.9999, np.float32)
    known = calibration_of({"a": rows}, labels=labels, copies=copies)
    unknown = calibration_of({"a": rows}, copies=copies)
    near = np.array([0.999])
    assert known.false_positive_rate(near, W)[0] < 0.001
    assert unknown.false_positive_rate(near, W)[0] > 0.01
    assert known.scale(W).closeness(0.999) == "look-alike"
    assert unknown.scale(W).closeness(0.999) == "chance"


def test_too_few_images_tell_nothing() -> None:
    with pytest.raises(InputError, match="19 images are too few to tell how rare a score is"):
        calibration_of({"a": random_rows(19)})
    same: list[str | None] = ["x"] * 20
    assert usable_labels(same) is None
    calibration_of({"a": random_rows(20)}, labels=same)


def test_the_same_image_is_as_rare_as_can_be_told() -> None:
    calibration = calibration_of({"a": random_rows(50, leaning=300)})  # all nearly the same
    assert calibration.false_positive_rate(np.array([1.0]), W)[0] == calibration.least_rate(W)
    assert calibration.scale(W).closeness(1.0) == "copy"
    assert calibration.scale(W).closeness(0.99) == "chance"
    rows = random_rows(40)
    rows[:25] = rows[0]  # most pairs are of one image, and none of them is unrelated
    alike = calibration_of({"a": rows})
    assert alike.false_positive_rate(np.array([1.0]), W)[0] == alike.least_rate(W)
    assert alike.false_positive_rate(np.array([SAME - 1e-6]), W)[0] > 0.3
