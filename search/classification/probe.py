"""A linear probe: logistic regression on stored vectors, as the field measures features by it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.search.classification.labelled import FOLDS, Labelled
from vitrail.search.classification.probabilities import Chosen, choose, softmax

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)  # scikit-learn's C, of which one is chosen
_ABSENT = -30.0  # score of a label that no image of the other folds has
_ITERATIONS = 500

OnFit = Callable[[int, int], None]
"""How many fits are done, of how many."""


def _unheard(_done: int, _total: int) -> None:
    pass


@dataclass(frozen=True, slots=True, eq=False)
class LinearProbe:
    """Scores that are linear in the standardised row: ``(row - mean) / scale @ weights + bias``.

    Attributes:
        mean: (dim,) float32 of the rows that it was fitted on.
        scale: (dim,) float32 their spread, above 0.
        weights: (dim, c) float32.
        bias: (c,) float32.
        temperature: by which scores become probabilities.
        strength: the C that cross-validation chose.
        classes: c labels.
    """

    mean: Floats
    scale: Floats
    weights: Floats
    bias: Floats
    temperature: float
    strength: float
    classes: tuple[str, ...]

    @property
    def dim(self) -> int:
        """Columns of the rows that it takes."""
        return len(self.mean)

    def scores(self, rows: Floats) -> Doubles:
        """(n, c) float64 scores of (n, dim) float32 rows, before the temperature."""
        moved = (np.asarray(rows, np.float64) - self.mean) / self.scale
        found: Doubles = moved @ self.weights.astype(np.float64) + self.bias
        return found

    def probabilities(self, rows: Floats) -> Doubles:
        """(n, c) float64 probabilities of (n, dim) float32 rows."""
        return softmax(self.scores(rows), self.temperature)


def check_installed() -> None:
    """Refuse a probe where what fits it is not installed.

    Raises:
        InputError: names the extra.
    """
    if find_spec("sklearn") is None:
        raise InputError(
            "a linear probe needs scikit-learn, which is not installed: "
            "pip install 'vitrail[analysis]', or classify by the nearest images with --by knn"
        )


def fit_probe(rows: Floats, targets: Ids, classes: tuple[str, ...], strength: float) -> LinearProbe:
    """Fit one probe.

    Args:
        rows: (n, dim) float32.
        targets: (n,) int64 places in ``classes``; a label that none has gets a score that is never
            the best.
        classes: the labels.
        strength: scikit-learn's C: the smaller, the less the weights may say.

    Raises:
        InputError: scikit-learn is missing.
    """
    check_installed()
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    scale = np.where(scale > 1e-12, scale, 1).astype(np.float32)
    present, numbered = np.unique(targets, return_inverse=True)
    weights = np.zeros((rows.shape[1], len(classes)), np.float32)
    bias = np.full(len(classes), _ABSENT, np.float32)
    if len(present) == 1:
        bias[present] = 0
    else:
        model = LogisticRegression(C=strength, max_iter=_ITERATIONS)
        with warnings.catch_warnings():  # weights that are nearly the best do
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit((rows.astype(np.float64) - mean) / scale, numbered)
        if len(present) == 2:  # one row of weights, which tells the second from the first
            bias[present] = 0, model.intercept_[0]
            weights[:, present[1]] = model.coef_[0]
        else:
            weights[:, present], bias[present] = model.coef_.T, model.intercept_
    return LinearProbe(mean, scale, weights, bias, 1.0, strength, classes)


def learn_probe(
    known: Labelled, *, seed: int = 0, on_fit: OnFit = _unheard
) -> tuple[LinearProbe, Chosen]:
    """Fit a probe whose strength and temperature cross-validation chooses.

    Args:
        known: the labelled images; copies are in the same fold.
        seed: of the folds.
        on_fit: called before each fit.

    Raises:
        InputError: scikit-learn is missing.
    """
    fold_of = known.folds(seed)
    total = len(STRENGTHS) * FOLDS + 1
    options = []
    for number, strength in enumerate(STRENGTHS):
        scores = np.empty((len(known), len(known.classes)))
        for fold in range(FOLDS):
            on_fit(number * FOLDS + fold, total)
            own = fold_of == fold
            if own.any():
                fitted = fit_probe(known.rows[~own], known.targets[~own], known.classes, strength)
                scores[own] = fitted.scores(known.rows[own])
        options.append(scores)
    found = choose(options, known.targets, fold_of)
    on_fit(total - 1, total)
    best = fit_probe(known.rows, known.targets, known.classes, STRENGTHS[found.option])
    return replace(best, temperature=found.temperature), found
