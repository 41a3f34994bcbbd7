"""The scores of one question judged: rates, words, and the least that its options let through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.search.calibration.calibration import FEWEST, Calibration
from vitrail.search.query import Closeness, Query, Scale

Calibrations = Callable[[tuple[str, ...]], Calibration | None]
"""Gives the calibration of some spaces of a commit; ``None`` where too few images tell."""
Judged = tuple[float | None, Closeness | None]
"""The false-positive rate of a score, and its word; ``None`` where nothing tells."""


def uncalibrated(_: tuple[str, ...]) -> None:
    """Tells nothing of any score."""


@dataclass(frozen=True, slots=True)
class Judge:
    """What judges the scores of one question.

    Attributes:
        calibration: of its spaces.
        weights: of them.
        scale: which words hold from which scores on.
        tries: rows of which the nearest gives an image its score; each may be near by chance.
    """

    calibration: Calibration
    weights: Mapping[str, float]
    scale: Scale
    tries: int = 1

    def __call__(self, scores: NDArray[np.floating]) -> list[Judged]:
        """The false-positive rate and the word of each of (n,) scores.

        ``None`` stands for a bound that says nothing, and for a word that nothing tells.
        """
        found = self.calibration.false_positive_rate(scores, self.weights)
        if self.tries > 1:
            found = np.minimum(1, self.tries * found)
        most, word = self.scale.most_rate, self.scale.closeness
        each = zip(found.tolist(), scores.tolist(), strict=True)
        return [(rate if rate <= most else None, word(score)) for rate, score in each]


def judge_of(query: Query, calibrations: Calibrations, *, single: bool = False) -> Judge | None:
    """What judges a question's scores; ``None`` where nothing can, or unrelated prompts do.

    Args:
        query: the question.
        calibrations: of the commit that answers.
        single: whether each of its rows is a question by itself.
    """
    if query.background is not None and query.options.max_fpr is None:
        return None
    calibration = calibrations(tuple(query.weights))
    if calibration is None:
        return None
    tries = query.rows if query.options.fusion == "best-score" and not single else 1
    several = (query.rows > 1 and not single) or bool(query.negatives)
    scale = calibration.scale(query.weights, tries=tries, at_most=several)
    return Judge(calibration, query.weights, scale, tries)


def least_score(query: Query, judge: Judge | None) -> float | None:
    """The score that a hit has to reach by the options of a question; ``None`` is any.

    Raises:
        InputError: a rate was given, and nothing tells which score it is.
    """
    least, rate = query.options.min_score, query.options.max_fpr
    if rate is None:
        return least
    if judge is None:
        raise InputError(
            f"max fpr {rate:g} cannot be told in a collection of less than {FEWEST} different "
            "images; give a min score instead, or index more"
        )
    found = judge.calibration.threshold(rate / judge.tries, judge.weights)
    if found is None:
        told = judge.scale
        raise InputError(
            f"max fpr {rate:g} is less than this collection's {told.pairs:,} pairs can tell; give "
            f"{told.least_rate * 1.1:.1e} or more, or a min score"
        )
    return found if least is None else max(least, found)
