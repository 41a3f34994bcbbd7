"""One image laid over another, at a resolution that both have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vitrail.search.duplicates.alignment import AffineTransform
from vitrail.search.duplicates.keypoints import Floats, sampled

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""How much red, green and blue weigh in brightness."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """Two images on one grid.

    Attributes:
        one: (h, w, 3) float32 colours of the one image, or (h, w) of its brightness.
        laid: the same of the other at the same places.
        inside: (h, w) bool, where the other has any.
        across: (w,) float32 x of the grid's columns in the one image.
        down: (h,) float32 y of its rows, likewise.
        x: (h, w) float32 x of the grid in the other image.
        y: (h, w) float32 y, likewise.
        covered: share (0 to 1) of the other image that the one fills.
    """

    one: Floats
    laid: Floats
    inside: NDArray[np.bool_]
    across: Floats
    down: Floats
    x: Floats
    y: Floats
    covered: float


def lay_over(one: Floats, other: Floats, alignment: AffineTransform, longest: int) -> Overlay:
    """Lay one image over another.

    Args:
        one: (H, W, 3) float32 colours in [0, 1], or (H, W) of brightness.
        other: the same, of any size.
        alignment: where the one lies in the other.
        longest: pixels of the longer side of the grid.
    """
    height, width = one.shape[:2]
    factor = max(1.0, max(height, width) / longest)
    size = max(1, round(width / factor)), max(1, round(height / factor))
    across = (np.arange(size[0], dtype=np.float32) + 0.5) * width / size[0] - 0.5
    down = (np.arange(size[1], dtype=np.float32) + 0.5) * height / size[1] - 0.5
    x, y = alignment.of_grid(across, down)
    high, wide = other.shape[:2]
    inside = (x > -0.5) & (x < wide - 0.5) & (y > -0.5) & (y < high - 0.5)
    step = factor * alignment.scale
    shrunk, by = _shrunk(other, step)
    laid = sampled(shrunk, _reduced(x, by[0]), _reduced(y, by[1]))
    covered = float(min(1.0, np.count_nonzero(inside) * step**2 / (wide * high)))
    return Overlay(resized(one, size), laid, inside, across, down, x, y, covered)


def grey(colours: Floats) -> Floats:
    """(..., 3) colours to (...) brightness, as the eye weighs them."""
    weighed: Floats = colours @ LUMA
    return weighed


def resized(image: Floats, size: tuple[int, int]) -> Floats:
    """Colours or brightness at another (width, height); a pixel is the mean of what it covers."""
    if image.shape[:2] == size[::-1]:
        return image
    if image.ndim == 2:
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX), np.float32)
    parts = [
        np.asarray(Image.fromarray(image[..., i]).resize(size, Image.Resampling.BOX), np.float32)
        for i in range(3)
    ]
    return np.stack(parts, axis=-1)


def _reduced(places: Floats, by: float) -> Floats:
    """Places along a side, once there are so many times fewer pixels."""
    if by == 1:
        return places
    reduced: Floats = (places + np.float32(0.5)) / np.float32(by) - np.float32(0.5)
    return reduced


def _shrunk(image: Floats, step: float) -> tuple[Floats, tuple[float, float]]:
    """An image reduced so far that a step of so many pixels skips none; and by how much it is."""
    if step <= 1.25:
        return image, (1.0, 1.0)
    height, width = image.shape[:2]
    size = max(1, round(width / step)), max(1, round(height / step))
    return resized(image, size), (width / size[0], height / size[1])
