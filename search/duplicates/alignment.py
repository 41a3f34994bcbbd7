"""How one image lies in another: mirrored, turned, scaled and moved, as their corners tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitrail.search.duplicates.keypoints import Floats, Keypoints

_ALIKE = 0.82  # cosine of two corners' descriptors, at least
_NEAR = 9.0  # pixels by which what one pair of corners tells may miss another pair
_CLOSE = 4.0  # the same of what all of them tell
_SPREAD = 12  # pixels; corners nearer than that are one place
LEAST_PLACES = 5
"""Places that have to agree before they tell anything."""


@dataclass(frozen=True, slots=True)
class AffineTransform:
    """Where each point of one image lies in another: ``point @ matrix.T + offset``.

    Attributes:
        matrix: (2, 2) float32; turns and scales, of a mirrored image after mirroring.
        offset: (2,) float32 pixels.
        mirrored: whether left and right are exchanged.
        places: how many places of the image agree.
    """

    matrix: Floats
    offset: Floats
    mirrored: bool = False
    places: int = 0

    @property
    def scale(self) -> float:
        """How much larger the image is in the other."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix))))

    @property
    def degrees(self) -> float:
        """By how much it is turned, clockwise as images are shown, from -180 to 180."""
        turned = self.matrix @ (np.diag([-1, 1]) if self.mirrored else np.eye(2))
        return float(np.degrees(np.arctan2(turned[1, 0], turned[0, 0])))

    def apply(self, points: Floats) -> Floats:
        """(n, 2) points of the one image to those of the other."""
        moved: Floats = (points @ self.matrix.T + self.offset).astype(np.float32)
        return moved

    def of_grid(self, across: Floats, down: Floats) -> tuple[Floats, Floats]:
        """(h, w) x and y in the other image of the points of a grid in the one.

        Args:
            across: (w,) float32 x of its columns.
            down: (h,) float32 y of its rows.
        """
        matrix, offset = self.matrix.astype(np.float32), self.offset.astype(np.float32)
        x, y = (
            (matrix[i, 0] * across + offset[i]) + (matrix[i, 1] * down)[:, None] for i in range(2)
        )
        return x, y


def stretched(
    size: tuple[int, int], onto: tuple[int, int], *, mirrored: bool = False
) -> AffineTransform:
    """One whole image onto another, perhaps mirrored: what is tried before any corner is asked."""
    wide, high = onto[0] / size[0], onto[1] / size[1]
    sign = -1 if mirrored else 1
    left = (wide - 1) / 2
    matrix = np.array([[sign * wide, 0], [0, high]], np.float32)
    offset = np.array([onto[0] - 1 - left if mirrored else left, (high - 1) / 2], np.float32)
    return AffineTransform(matrix, offset, mirrored)


def align(one: Keypoints, other: Keypoints) -> list[AffineTransform]:
    """How the one image may lie in the other, at most once mirrored and once not; the best first.

    Each pair of corners that are each other's nearest tells a turn, a scale and a place by itself;
    the one that most others agree with is fitted to all of these.
    """
    found = []
    for mirrored in (False, True):
        asking = one.mirrored() if mirrored else one
        fitted = _fit(asking, other)
        if fitted is not None:
            matrix, offset, places = fitted
            if mirrored:
                flip = np.diag([-1.0, 1.0])
                offset = offset + matrix @ np.array([one.size[0] - 1, 0])
                matrix = matrix @ flip
            found.append(
                AffineTransform(
                    matrix.astype(np.float32), offset.astype(np.float32), mirrored, places
                )
            )
    return sorted(found, key=lambda each: -each.places)


def _fit(one: Keypoints, other: Keypoints) -> tuple[Floats, Floats, int] | None:
    ours, theirs = _matched(one, other)
    if len(ours) < LEAST_PLACES:
        return None
    start, end = one.points[ours], other.points[theirs]
    turn = other.angles[theirs] - one.angles[ours]
    grown = one.scales[ours] / other.scales[theirs]
    cosine, sine = grown * np.cos(turn), grown * np.sin(turn)
    matrices = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)
    offsets = end - np.einsum("nij,nj->ni", matrices, start)
    told = np.einsum("nij,mj->nmi", matrices, start) + offsets[:, None]
    agree = np.hypot(*np.moveaxis(told - end, -1, 0)) < _NEAR
    best = int(agree.sum(axis=1).argmax())
    inside = agree[best]
    for reach in (_NEAR, _CLOSE, _CLOSE):
        if inside.sum() < 3:
            return None
        matrix, offset = _similarity(start[inside], end[inside])
        inside = np.hypot(*(start @ matrix.T + offset - end).T) < reach
    places = min(_places(start[inside]), _places(end[inside]))
    return (matrix, offset, places) if places >= LEAST_PLACES else None


def _matched(one: Keypoints, other: Keypoints) -> tuple[np.ndarray, np.ndarray]:
    """Corners that are each other's nearest: places in both."""
    if not len(one.points) or not len(other.points):
        none = np.zeros(0, np.intp)
        return none, none
    alike = one.directions @ other.directions.T
    forth, back = alike.argmax(axis=1), alike.argmax(axis=0)
    ours = np.arange(len(forth))
    mutual = (back[forth] == ours) & (alike[ours, forth] >= _ALIKE)
    return ours[mutual], forth[mutual]


def _similarity(start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """The turn, scale and move that bring points nearest to others (Umeyama, in the plane)."""
    a, b = start.mean(axis=0), end.mean(axis=0)
    x, y = start - a, end - b
    spread = max(float((x * x).sum()), 1e-9)
    cosine = float((x * y).sum()) / spread
    sine = float((x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]).sum()) / spread
    matrix = np.array([[cosine, -sine], [sine, cosine]], np.float32)
    return matrix, (b - matrix @ a).astype(np.float32)


def _places(points: Floats) -> int:
    """How many different places points lie at."""
    return len(np.unique(np.floor(points / _SPREAD), axis=0))
