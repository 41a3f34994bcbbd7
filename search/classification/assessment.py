"""How good told labels are: by label, all in all, and which label is taken for which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.search.classification.probabilities import (
    expected_calibration_error,
    negative_log_likelihood,
)
from vitrail.search.measures import Interval, interval

Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]


class LabelRow(NamedTuple):
    """How one label fares.

    Attributes:
        label: which.
        images: that have it.
        told: images that are told to have it.
        precision: of these, the share that has it; NaN where there are none.
        recall: of the images that have it, the share that is told so.
    """

    label: str
    images: int
    told: int
    precision: float
    recall: float


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What labels told of images that took no part in learning them are worth.

    Attributes:
        classes: c labels.
        ids: (n,) int64 of the images.
        targets: (n,) int64 the label that each has.
        probabilities: (n, c) float64 as told.
        fewest: the probability from which on a label is told at all.
    """

    classes: tuple[str, ...]
    ids: Ids
    targets: Ids
    probabilities: Doubles
    fewest: float = 0.0

    @property
    def predicted(self) -> Ids:
        """(n,) int64 the likeliest label of each image, also where it is not told."""
        best: Ids = self.probabilities.argmax(axis=1).astype(np.int64)
        return best

    @property
    def answered(self) -> NDArray[np.bool_]:
        """(n,) bool whether a label is told."""
        told: NDArray[np.bool_] = self.probabilities.max(axis=1) >= self.fewest
        return told

    @property
    def accuracy(self) -> Interval:
        """Of the images of which a label is told, the share told rightly, with its 95% interval."""
        right = (self.predicted == self.targets)[self.answered].astype(np.float64)
        return interval(right) if len(right) else Interval(float("nan"), 0.0, 1.0)

    @property
    def commonest(self) -> float:
        """The share that whoever always told the commonest label would tell rightly."""
        return float(np.bincount(self.targets).max() / len(self.targets))

    @property
    def calibration_error(self) -> float:
        """Expected calibration error, from 0 to 1, over all images."""
        return expected_calibration_error(self.probabilities, self.targets)

    @property
    def loss(self) -> float:
        """Negative log-likelihood in nats, over all images."""
        return negative_log_likelihood(self.probabilities, self.targets)

    @property
    def confusion(self) -> Ids:
        """(c, c) int64 images by the label they have (row) and the one that is told (column)."""
        told = self.answered
        count = len(self.classes)
        places = self.targets[told] * count + self.predicted[told]
        counts: Ids = np.bincount(places, minlength=count * count).reshape(count, count)
        return counts

    def rows(self) -> list[LabelRow]:
        """Each label's, in their order."""
        table = self.confusion
        own, told = np.bincount(self.targets, minlength=len(self.classes)), table.sum(axis=0)
        return [
            LabelRow(
                label,
                int(own[i]),
                int(told[i]),
                float(table[i, i] / told[i]) if told[i] else float("nan"),
                float(table[i, i] / own[i]),
            )
            for i, label in enumerate(self.classes)
        ]

    def cell(self, has: int, told: int) -> Ids:
        """(m,) int64 ids of the images of a cell of ``confusion``, the surest first."""
        found = self.answered & (self.targets == has) & (self.predicted == told)
        places = np.flatnonzero(found)
        return self.ids[places[np.argsort(-self.probabilities[places, told], kind="stable")]]
