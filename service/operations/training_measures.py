"""Retrieval of held-out images before and after training: pure, over arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrail.search.measures import (
    Interval,
    average_precisions,
    clustered_interval,
    copy_hits,
    interval,
    knn_hits,
    paired_interval,
)

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
VOTES = 5
MEASURES = ("5-NN accuracy", "mAP", "copy recall@1")
"""What is measured, each of every held-out image it can be asked of, from 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutRetrieval:
    """How well each held-out image is found by.

    Attributes:
        knn: (m,) float64, whether the vote of the nearest images that were trained on or validated
            with is its label.
        precision: (p,) float64, the average precision of its ranking of the other held-out images,
            of those of which another one, no copy, has the label.
        copies: (c,) float64, of each image that was copied the share of its copies that find it
            first among all images.
    """

    knn: Doubles
    precision: Doubles
    copies: Doubles

    def to_dict(self) -> dict[str, list[float]]:
        """As plain JSON types."""
        return {
            "knn": self.knn.tolist(),
            "precision": self.precision.tolist(),
            "copies": self.copies.tolist(),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Sequence[float]]) -> HeldOutRetrieval:
        """Read what ``to_dict`` made."""
        knn, precision, copies = (
            np.array(raw[name], np.float64) for name in ("knn", "precision", "copies")
        )
        return cls(knn, precision, copies)


@dataclass(frozen=True, slots=True)
class ComparedRetrieval:
    """One measure in one space, before and after.

    Attributes:
        space: of the vectors.
        measure: one of ``MEASURES``.
        before: by the encoder that it was.
        after: by the one that was trained.
        change: after less before, of the same images; its bounds hold the true one by 95%.
    """

    space: str
    measure: str
    before: Interval
    after: Interval
    change: Interval

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        numbers = {
            name: [one.mean, one.low, one.high]
            for name, one in (
                ("before", self.before),
                ("after", self.after),
                ("change", self.change),
            )
        }
        return {"space": self.space, "measure": self.measure, **numbers}


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutTask:
    """What is asked of held-out images.

    Attributes:
        targets: (n,) int64 labels of all images.
        groups: (n,) int64, which images are copies of one another.
        held: (n,) bool, which are held out.
        originals: (c,) int64 places of the images that are copied.
        each: how many copies each of them has.
    """

    targets: Ids
    groups: Ids
    held: NDArray[np.bool_]
    originals: Ids
    each: int

    def measure(self, rows: Floats, copies: Floats) -> HeldOutRetrieval:
        """How well held-out images are found by.

        Args:
            rows: (n, dim) float32 unit rows of all images.
            copies: (c * each, dim) float32 unit rows of the copies, original after original.
        """
        held, known = np.flatnonzero(self.held), np.flatnonzero(~self.held)
        knn = knn_hits(rows[held] @ rows[known].T, self.targets[held], self.targets[known], VOTES)
        precision = precisions(rows[held], self.targets[held], self.groups[held])
        return HeldOutRetrieval(knn, precision, self._found(rows, copies))

    def _found(self, rows: Floats, copies: Floats) -> Doubles:
        own = np.repeat(self.originals, self.each)
        if not len(own):
            return np.empty(0)
        scores = copies @ rows.T
        # copies that were there before are as right as the original
        kin = self.groups[own][:, None] == self.groups[None, :]
        kin[np.arange(len(own)), own] = False
        hits = copy_hits(np.where(kin, -np.inf, scores).astype(np.float32), own)
        shares: Doubles = hits.reshape(len(self.originals), self.each).mean(axis=1)
        return shares


def precisions(rows: Floats, targets: Ids, groups: Ids) -> Doubles:
    """The average precision of each image's ranking of the others that are no copies of it.

    Args:
        rows: (n, dim) float32 unit rows.
        targets: (n,) int64 labels.
        groups: (n,) int64, which images are copies of one another.

    Returns:
        (p,) float64 of the images of which another has the label.
    """
    apart = groups[:, None] != groups[None, :]
    scores = np.where(apart, rows @ rows.T, -np.inf).astype(np.float32)
    found = average_precisions(scores, (targets[:, None] == targets[None, :]) & apart)
    kept: Doubles = found[np.isfinite(found)]
    return kept


def compare(
    space: str, before: HeldOutRetrieval, after: HeldOutRetrieval, each: int
) -> list[ComparedRetrieval]:
    """The measures of one space, before and after; those that nothing can be asked of lack."""
    found = []
    for name, (old, new) in zip(
        MEASURES,
        (
            (before.knn, after.knn),
            (before.precision, after.precision),
            (before.copies, after.copies),
        ),
        strict=True,
    ):
        if not len(old):
            continue
        both = [
            clustered_interval(one, each) if each and name == MEASURES[2] else interval(one)
            for one in (old, new)
        ]
        found.append(ComparedRetrieval(space, name, both[0], both[1], paired_interval(new, old)))
    return found
