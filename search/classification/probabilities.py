"""Probabilities that mean what they say: temperature scaling, and how far they may be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
_COLDEST, _HOTTEST = 1e-3, 1e3
_STEPS = 60  # of the search for a temperature: to one part in 10^9
_LEAST = 1e-12  # probability that a logarithm is taken of
_BINS = 15


def log_softmax(scores: Doubles) -> Doubles:
    """(n, c) float64 logarithms of the probabilities that (n, c) scores stand for."""
    moved = scores - scores.max(axis=1, keepdims=True)
    logs: Doubles = moved - np.log(np.exp(moved).sum(axis=1, keepdims=True))
    return logs


def softmax(scores: Doubles, temperature: float = 1.0) -> Doubles:
    """(n, c) float64 probabilities that (n, c) scores stand for; hotter ones are more alike."""
    found: Doubles = np.exp(log_softmax(scores / temperature))
    return found


def negative_log_likelihood(probabilities: Doubles, targets: Ids) -> float:
    """The mean of -log p of the right label, in nats; 0 where all are sure and right.

    Args:
        probabilities: (n, c) float64.
        targets: (n,) int64 the right label of each.
    """
    right = probabilities[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(right, _LEAST)).mean())


def fit_temperature(scores: Doubles, targets: Ids) -> float:
    """What scores are divided by so that their probabilities fit best (Guo et al., 2017).

    Where all are right, the likelihood alone would make them certain; so one image more counts
    whose label is any, as in Platt's scaling (1999). What is sought is concave in 1 / T, so that a
    search by golden section finds the best.

    Args:
        scores: (n, c) float64.
        targets: (n,) int64 the right label of each.
    """
    golden = (np.sqrt(5) - 1) / 2
    low, high = np.log(_COLDEST), np.log(_HOTTEST)
    rows = np.arange(len(targets))

    def loss(logarithm: float) -> float:
        found = log_softmax(scores / np.exp(logarithm))
        return float(-found[rows, targets].sum() - found.mean())

    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(_STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = loss(right)
    return float(np.exp((low + high) / 2))


def expected_calibration_error(probabilities: Doubles, targets: Ids) -> float:
    """How far the best label's probability is from how often it is right, from 0 to 1.

    The mean over ``15`` bins of equal width, each weighed by its images (Naeini et al., 2015).

    Args:
        probabilities: (n, c) float64.
        targets: (n,) int64 the right label of each.
    """
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    place = np.minimum((sure * _BINS).astype(np.int64), _BINS - 1)
    apart = np.bincount(place, right - sure, _BINS)
    return float(np.abs(apart).sum() / len(targets))


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """What was chosen among several ways to score, and what it is worth.

    Attributes:
        option: place of the best way.
        temperature: by which its scores become probabilities.
        probabilities: (n, c) float64 of each image, by the way and the temperature that the other
            folds chose: what to expect of images that took no part.
    """

    option: int
    temperature: float
    probabilities: Doubles


def choose(options: Sequence[Doubles], targets: Ids, fold_of: Ids) -> Chosen:
    """Choose a way to score and its temperature by likelihood, and tell honestly how good that is.

    The best of several looks better than it is. So what is told of each fold is by the choice that
    the other folds make.

    Args:
        options: (n, c) float64 scores each, of every image by others than itself.
        targets: (n,) int64 the right labels.
        fold_of: (n,) int64 the fold of each image.
    """
    told = np.zeros_like(options[0])
    for fold in np.unique(fold_of):
        own = fold_of == fold
        option, temperature = _best([one[~own] for one in options], targets[~own])
        told[own] = softmax(options[option][own], temperature)
    return Chosen(*_best(options, targets), told)


def _best(options: Sequence[Doubles], targets: Ids) -> tuple[int, float]:
    temperatures = [fit_temperature(scores, targets) for scores in options]
    losses = [
        negative_log_likelihood(softmax(scores, temperature), targets)
        for scores, temperature in zip(options, temperatures, strict=True)
    ]
    best = int(np.argmin(losses))
    return best, temperatures[best]
