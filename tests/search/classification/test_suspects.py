"""Planted wrong labels are found, and images unlike all others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.search.classification.made import clusters
from vitrail.search.classification.probe import learn_probe
from vitrail.search.classification.suspects import FAR, outlying, suspect, thresholds
from vitrail.search.classification.votes import learn_voting


@pytest.mark.parametrize("learn", [learn_voting, learn_probe])
def test_planted_wrong_labels_are_found(learn: object) -> None:
    """30 of 300 labels are another one: all that are found are, votes find 20, a probe 26."""
    known = clusters(300, 4, spread=0.5)
    random = np.random.default_rng(5)
    wrong = random.choice(300, 30, replace=False)
    targets = known.targets.copy()
    targets[wrong] = (targets[wrong] + random.integers(1, 4, 30)) % 4
    assert callable(learn)
    told = learn(replace(known, targets=targets))[1].probabilities
    found = suspect(told, targets)
    hits = np.isin(found.places, wrong)
    assert hits.mean() == 1
    assert hits.sum() >= (20 if learn is learn_voting else 26)
    named = known.targets[found.places[hits]] == found.likely[hits]
    assert named.mean() > 0.95, "and the right label is named"


def test_thresholds_are_the_mean_self_confidence_of_each_label() -> None:
    told = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
    assert thresholds(told, np.array([0, 0, 1])).tolist() == [0.7, 0.8]


def test_an_image_below_the_threshold_of_the_likelier_label_is_left_alone() -> None:
    told = np.array([[0.4, 0.6], [0.9, 0.1], [0.1, 0.9], [0.05, 0.95]])
    assert suspect(told, np.array([0, 0, 1, 1])).places.tolist() == []
    told[0] = 0.06, 0.94
    assert suspect(told, np.array([0, 0, 1, 1])).places.tolist() == [0]


@given(st.integers(0, 1000))
def test_a_suspect_is_told_another_label_that_is_likelier(seed: int) -> None:
    random = np.random.default_rng(seed)
    told = random.dirichlet(np.ones(5), 60)
    targets = random.integers(0, 5, 60)
    found = suspect(told, targets)
    assert (found.likely != targets[found.places]).all()
    assert (found.probability > found.given).all()
    assert (found.probability >= thresholds(told, targets)[found.likely]).all()
    apart = found.probability - found.given
    assert (np.diff(apart) <= 1e-12).all()


def test_what_is_far_from_everything_stands_out() -> None:
    random = np.random.default_rng(0)
    cosines = (0.9 + 0.02 * random.normal(size=500)).astype(np.float32)
    cosines[:3] = 0.5, 0.6, 0.4
    far = outlying(cosines)
    assert set(np.argsort(-far)[:3]) == {0, 1, 2}
    assert (far[:3] > FAR).all()
    assert (far[3:] > FAR).mean() < 0.02
    assert (outlying(np.full(9, 0.7, np.float32)) == 0).all()


# Percent of each of three labels, and the label that the image has; and which of these cleanlab
# 2.9.0 finds (``find_label_issues(labels, probabilities, filter_by="confident_learning")``).
GOLDEN = np.array(
    [
        [1, 98, 1, 1],
        [66, 15, 19, 2],
        [51, 6, 43, 0],
        [0, 5, 95, 2],
        [32, 0, 68, 2],
        [6, 12, 82, 2],
        [60, 30, 10, 0],
        [45, 37, 18, 0],
        [66, 15, 19, 0],
        [1, 26, 73, 1],
        [27, 73, 0, 1],
        [10, 66, 24, 1],
        [7, 92, 1, 2],
        [38, 26, 36, 1],
        [19, 18, 63, 0],
        [0, 22, 78, 2],
        [81, 5, 14, 0],
        [9, 72, 19, 2],
        [77, 18, 5, 0],
        [16, 54, 30, 0],
        [75, 4, 21, 0],
        [5, 94, 1, 1],
        [27, 69, 4, 0],
        [63, 37, 0, 1],
        [1, 99, 0, 1],
        [44, 14, 42, 2],
        [60, 14, 26, 0],
        [38, 62, 0, 1],
        [31, 13, 56, 2],
        [23, 38, 39, 0],
        [40, 0, 60, 2],
        [77, 22, 1, 0],
    ]
)
FOUND = [1, 9, 12, 14, 17, 22, 23]


def test_they_are_those_that_confident_learnings_own_authors_find() -> None:
    found = suspect(GOLDEN[:, :3] / 100, GOLDEN[:, 3])
    assert sorted(found.places.tolist()) == FOUND
