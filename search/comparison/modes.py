"""What one set lacks of another: images of the other that none is near, in groups alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.floating]
Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
MOST = 8
"""Groups that are told, at most."""
PER_GROUP = 8  # images that make a group worth telling, in the mean
_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Mode:
    """Images that are alike.

    Attributes:
        rows: (n,) int64, the most typical first.
    """

    rows: Ids


def find_modes(rows: Rows, chosen: Ids, *, most: int = MOST, seed: int = 0) -> tuple[Mode, ...]:
    """Group some rows of a set by what is alike among them (spherical k-means), largest first.

    Args:
        rows: (n, dim) floats, unit rows.
        chosen: (c,) int64 of them, those to be grouped.
        most: groups at most.
        seed: of the start.
    """
    if not len(chosen):
        return ()
    points = np.asarray(rows[chosen], np.float64)
    # what all have in common tells nothing apart
    points = points - np.asarray(rows, np.float64).mean(axis=0)
    points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    count = max(1, min(most, len(points) // PER_GROUP))
    centres = _settle(points, _spread_out(points, count, seed))
    nearest = points @ centres.T
    own = nearest.argmax(axis=1)
    groups = []
    for number in range(len(centres)):
        members = np.flatnonzero(own == number)
        ranked = members[np.argsort(-nearest[members, number], kind="stable")]
        groups.append(Mode(chosen[ranked]))
    return tuple(sorted((g for g in groups if len(g.rows)), key=lambda g: -len(g.rows)))


def _spread_out(points: Doubles, count: int, seed: int) -> Doubles:
    """Starting points: one at random, each next one the farther from the others the likelier."""
    random = np.random.default_rng(seed)
    taken = [int(random.integers(len(points)))]
    far = 1 - points @ points[taken[0]]
    while len(taken) < count:
        odds = np.maximum(far, 0)
        if odds.sum() <= 0:
            break  # all are copies of those that were taken
        taken.append(int(random.choice(len(points), p=odds / odds.sum())))
        far = np.minimum(far, 1 - points @ points[taken[-1]])
    return points[taken]


def _settle(points: Doubles, centres: Doubles) -> Doubles:
    """Move each centre to the mean direction of what is nearest to it, until none moves."""
    own = np.full(len(points), -1)
    for _ in range(_ROUNDS):
        nearest = (points @ centres.T).argmax(axis=1)
        if np.array_equal(nearest, own):
            break
        own = nearest
        for number in range(len(centres)):
            if (own == number).any():
                mean = points[own == number].mean(axis=0)
                centres[number] = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return centres
