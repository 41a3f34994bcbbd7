"""Retrieval of held-out images before and after training: pure, over arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrail.search.measures import (
    Interval,
    average_precisions,
    copy_hits,
    knn_hits,
    mean_interval,
    paired_interval,
)

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
VOTES = 5
MEASURES = {
    "knn": "5-NN accuracy",
    "precision": "mAP",
    "copies": "copy recall@1",
    "unseen_knn": "5-NN, unseen labels",
    "unseen_precision": "mAP, unseen labels",
}
"""What is measured, by its name in files: each of every image it can be asked of, from 0 to 1."""


def _nothing() -> Doubles:
    return np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutRetrieval:
    """How well each image that nothing was learned from is found by.

    Attributes:
        knn: (m,) float64 of held-out images, whether the vote of the nearest images that were
            trained on or validated with is its label.
        precision: (p,) float64, the average precision of its ranking of the other held-out images,
            of those of which another one, no copy, has the label.
        copies: (c,) float64, of each image that was copied the share of its copies that find it
            first among all images.
        unseen_knn: (u,) float64 of images of labels that are held out whole, whether the vote of
            the nearest others of such labels is its label.
        unseen_precision: (u,) float64, the average precision of its ranking of these.
    """

    knn: Doubles
    precision: Doubles
    copies: Doubles
    unseen_knn: Doubles = field(default_factory=_nothing)
    unseen_precision: Doubles = field(default_factory=_nothing)

    def to_dict(self) -> dict[str, list[float]]:
        """As plain JSON types."""
        return {name: values.tolist() for name, values in self.values().items()}

    def values(self) -> dict[str, Doubles]:
        """Of each measure, by its name in files."""
        return {
            "knn": self.knn,
            "precision": self.precision,
            "copies": self.copies,
            "unseen_knn": self.unseen_knn,
            "unseen_precision": self.unseen_precision,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Sequence[float]]) -> HeldOutRetrieval:
        """Read what ``to_dict`` made."""
        return cls(*(np.array(raw[name], np.float64) for name in MEASURES))


@dataclass(frozen=True, slots=True)
class ComparedRetrieval:
    """One measure in one space, before and after.

    Attributes:
        space: of the vectors.
        measure: one of the names of ``MEASURES`` for people.
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

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> ComparedRetrieval:
        """Read what ``to_dict`` made."""
        numbers = (Interval(*raw[name]) for name in ("before", "after", "change"))
        return cls(raw["space"], raw["measure"], *numbers)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutTask:
    """What is asked of held-out images.

    Attributes:
        targets: (n,) int64 labels of all images.
        groups: (n,) int64, which images are copies of one another.
        held: (n,) bool, which are held out of labels that are learned.
        unseen: (n,) bool, which are of labels that are held out whole.
        originals: (c,) int64 places of the images that are copied.
        each: how many copies each of them has.
    """

    targets: Ids
    groups: Ids
    held: NDArray[np.bool_]
    unseen: NDArray[np.bool_]
    originals: Ids
    each: int

    def measure(self, rows: Floats, copies: Floats) -> HeldOutRetrieval:
        """How well held-out images are found by.

        Args:
            rows: (n, dim) float32 unit rows of all images.
            copies: (c * each, dim) float32 unit rows of the copies, original after original.
        """
        held, known = np.flatnonzero(self.held), np.flatnonzero(~self.held & ~self.unseen)
        targets, groups = self.targets, self.groups
        knn = _nothing()
        if len(held):
            knn = knn_hits(rows[held] @ rows[known].T, targets[held], targets[known], VOTES)
        unseen = rows[self.unseen], targets[self.unseen], groups[self.unseen]
        return HeldOutRetrieval(
            knn,
            precisions(rows[held], targets[held], groups[held]),
            self._found(rows, copies),
            votes(*unseen),
            precisions(*unseen),
        )

    def _found(self, rows: Floats, copies: Floats) -> Doubles:
        own = np.repeat(self.originals, self.each)
        if not len(own):
            return _nothing()
        scores = copies @ rows.T
        # copies that were there before are as right as the original
        kin = self.groups[own][:, None] == self.groups[None, :]
        kin[np.arange(len(own)), own] = False
        hits = copy_hits(np.where(kin, -np.inf, scores).astype(np.float32), own)
        shares: Doubles = hits.reshape(len(self.originals), self.each).mean(axis=1)
        return shares


def votes(rows: Floats, targets: Ids, groups: Ids) -> Doubles:
    """Whether the nearest of the others, copies apart, vote for each image's label: 1 or 0.

    Args:
        rows: (n, dim) float32 unit rows.
        targets: (n,) int64 labels.
        groups: (n,) int64, which images are copies of one another.

    Returns:
        (p,) float64 of the images of which another has the label.
    """
    if not len(rows):
        return _nothing()
    apart = groups[:, None] != groups[None, :]
    scores = np.where(apart, rows @ rows.T, -np.inf).astype(np.float32)
    asked = ((targets[:, None] == targets[None, :]) & apart).any(axis=1)
    return knn_hits(scores[asked], targets[asked], targets, VOTES)


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
    """The measures of one space, before and after; those that nothing can be asked of lack.

    Args:
        space: of the vectors.
        before: by the encoder that it was.
        after: by the one that was trained, of the same images.
        each: copies of each image that was copied.
    """
    found, then = [], before.values()
    for name, new in after.values().items():
        if len(new):
            answers = each if name == "copies" else 1
            old, change = then[name], paired_interval(new, then[name])
            both = mean_interval(old, answers), mean_interval(new, answers)
            found.append(ComparedRetrieval(space, MEASURES[name], *both, change))
    return found
