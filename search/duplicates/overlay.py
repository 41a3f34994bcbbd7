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
        places: (h, w, 2) float32 x and y of the grid in the one image.
        covered: share (0 to 1) of the other image that the one fills.
    """

    one: Floats
    laid: Floats
    inside: NDArray[np.bool_]
    places: Floats
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
    places = np.stack(np.meshgrid(across, down), axis=-1)
    there = alignment.apply(places.reshape(-1, 2)).reshape(places.shape)
    high, wide = other.shape[:2]
    x, y = there[..., 0], there[..., 1]
    inside = (x > -0.5) & (x < wide - 0.5) & (y > -0.5) & (y < high - 0.5)
    step = factor * alignment.scale
    shrunk, by = _shrunk(other, step)
    x, y = (x + 0.5) / by[0] - 0.5, (y + 0.5) / by[1] - 0.5
    laid = sampled(shrunk, x, y).astype(np.float32)
    covered = float(min(1.0, inside.sum() * step**2 / (wide * high)))
    return Overlay(resized(one, size), laid, inside, places, covered)


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


def _shrunk(image: Floats, step: float) -> tuple[Floats, tuple[float, float]]:
    """An image reduced so far that a step of so many pixels skips none; and by how much it is."""
    if step <= 1.25:
        return image, (1.0, 1.0)
    height, width = image.shape[:2]
    size = max(1, round(width / step)), max(1, round(height / step))
    return resized(image, size), (width / size[0], height / size[1])
