"""How suspiciously near images lie to their nearest references.

A generated image is near *some* reference, however honestly it was made: where references lie close
together (white walls, blue skies, one face) anything of that kind is near to many. So a distance is
held against what is usual round the reference: how far the reference's own neighbours are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
AROUND = 50  # nearest references that are known of each image
USUAL = 10  # of a reference's neighbours, that tell what is usual round it
TRIED = 5  # nearest references of an image, the most suspicious of which counts
_CLOSEST = 1e-3  # least distance: nearer is what rounding leaves of nothing
NONE = -1


@dataclass(frozen=True, slots=True)
class Near:
    """The nearest references of some images.

    Attributes:
        positions: (n, k) int64 positions of references, nearest first; ``NONE`` for none.
        distances: (n, k) float32 Euclidean distances of the unit vectors, ascending; infinite
            beside a ``NONE``.
    """

    positions: Ids
    distances: Floats

    def without(self, copies: float, first: int = 0) -> Near:
        """The same, less those that are at most ``copies`` away, and cut to ``first`` (0: all)."""
        distances = np.where(self.distances <= copies, np.float32(np.inf), self.distances)
        order = np.argsort(distances, axis=1, kind="stable")[:, : first or None]
        far = np.take_along_axis(distances, order, axis=1)
        positions = np.take_along_axis(self.positions, order, axis=1)
        return Near(np.where(np.isinf(far), NONE, positions), far)


@dataclass(frozen=True, slots=True)
class Nearness:
    """How suspicious some images are.

    Attributes:
        reference: (n,) int64 position of the reference that each is held to copy; ``NONE`` where
            there is none.
        distance: (n,) float32, from that.
        score: (n,) float64: the logarithm of how many times nearer the image lies to the reference
            than the reference's own neighbours do. 0 where it lies as these.
        plain: (n,) float64: less the distance to the nearest reference.
        local: (n,) float64: the same as ``score`` beside the image's own neighbours among the
            references instead (Carlini et al., 2023).
    """

    reference: Ids
    distance: Floats
    score: Doubles
    plain: Doubles
    local: Doubles


def suspect(images: Near, around: Near, own: Ids | None = None) -> Nearness:
    """Hold images against their nearest references.

    Args:
        images: (n, k) nearest references of each image.
        around: (m, l) nearest references of each reference, itself and its copies left out.
        own: (n,) positions of the images among the references, which then do not count as anybody's
            neighbours: for references that are held against the others.
    """
    reference = np.full(len(images.positions), NONE, np.int64)
    distance = np.full(len(images.positions), np.inf, np.float32)
    score = np.full(len(images.positions), -np.inf)
    for place in range(min(TRIED, images.positions.shape[1])):
        there = np.flatnonzero(images.positions[:, place] != NONE)
        which, far = images.positions[there, place], images.distances[there, place]
        usual = _usual(around, which, None if own is None else own[there])
        found = np.log(usual / np.maximum(far, _CLOSEST))
        better = found > score[there]
        chosen = there[better]
        score[chosen], reference[chosen], distance[chosen] = (
            found[better],
            which[better],
            far[better],
        )
    nearest = images.distances[:, 0].astype(np.float64)
    none = np.isinf(nearest)
    beside = np.log(_mean_of(images.distances) / np.clip(nearest, _CLOSEST, 2))
    return Nearness(
        reference,
        distance,
        score,
        np.where(none, -np.inf, -nearest),
        np.where(none, -np.inf, beside),
    )


def _usual(around: Near, which: Ids, own: Ids | None) -> Doubles:
    """(q,) mean distance of the nearest neighbours of some references, without one of them each."""
    distances = around.distances[which].astype(np.float64)
    if own is not None:
        distances[around.positions[which] == own[:, None]] = np.inf
        distances.sort(axis=1)
    return _mean_of(distances[:, :USUAL])


def _mean_of(distances: NDArray[np.floating]) -> Doubles:
    """(q,) mean of the finite numbers of each row; 1 where there are none."""
    finite = np.isfinite(distances)
    total = np.where(finite, distances, 0).sum(axis=1, dtype=np.float64)
    mean: Doubles = np.where(finite.any(axis=1), total / np.maximum(finite.sum(axis=1), 1), 1.0)
    return np.maximum(mean, _CLOSEST)
