"""Where the corners of one image lie in another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vitrail.search.duplicates.alignment import AffineTransform
from vitrail.search.duplicates.keypoints import Floats


class Footprint(NamedTuple):
    """Where an image lies in the small pixels of another; edges, not middles of pixels."""

    left: float
    top: float
    right: float
    bottom: float


def box_in(frame: tuple[int, int], into: AffineTransform) -> Footprint:
    """The least box around the place of an image in another.

    Args:
        frame: width and height of its small pixels.
        into: where they lie in those of the other.
    """
    wide, high = frame
    ends = np.array([[0, 0], [wide, 0], [0, high], [wide, high]], np.float32) - np.float32(0.5)
    corners: Floats = into.apply(ends) + np.float32(0.5)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return Footprint(float(left), float(top), float(right), float(bottom))


def short_of(frame: tuple[int, int], box: Footprint) -> float:
    """How far a box stays away from an edge of an image, as a share of its side; 0 of none."""
    wide, high = frame
    across = max(box.left, wide - box.right) / wide
    return max(0.0, across, max(box.top, high - box.bottom) / high)


def share_of(frame: tuple[int, int], box: Footprint) -> float:
    """What share (0 to 1) of an image lies within a box."""
    wide, high = frame
    across = min(wide, box.right) - max(0.0, box.left)
    down = min(high, box.bottom) - max(0.0, box.top)
    return max(0.0, across) * max(0.0, down) / (wide * high)
