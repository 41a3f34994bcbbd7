"""Corners of an image, described so that a copy's can be found: numpy and Pillow only.

Corners (Shi and Tomasi) at four scales, each with the direction in which it is brighter (Rosin's
moments) and histograms of gradients around it (Lowe's SIFT, their roots by Arandjelovic and
Zisserman). Brightness and contrast do not matter to them, nor turning and scaling; how the mirrored
image would be described follows from how the image is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
Reals = NDArray[np.floating]
LONGEST = 224
"""Pixels of the longer side of the images that are described."""
_LEVELS = ((1.0, 110), (0.71, 80), (0.5, 60), (0.35, 40))  # scale, and how many corners at most
_EDGE = 3  # pixels within which no corner is looked for
_APART = 3  # pixels, at least, between corners of a level
_LEAST = 1e-4  # of the weaker gradient: blank places have no corners
_SAMPLES = 18  # a side of the patch that is described
_STEP = 1.5  # pixels between samples
_BINS = 8
_CELLS = 4
_PRECISION = 512  # steps of a descriptor's length
DESCRIBED = _CELLS**2 * _BINS
"""Values that describe a corner."""


@dataclass(frozen=True, slots=True)
class Keypoints:
    """Corners of one image.

    Attributes:
        points: (n, 2) float32 x and y, in pixels of the image that was described.
        scales: (n,) float32, of the level that each was found at: 1 is the image itself.
        angles: (n,) float32 radians, from x to y.
        descriptors: (n, 128) uint8, in steps of 1/512 of a row's length.
        size: (width, height) of the image that was described.
    """

    points: Floats
    scales: Floats
    angles: Floats
    descriptors: NDArray[np.uint8]
    size: tuple[int, int]

    @property
    def directions(self) -> Floats:
        """(n, 128) float32 unit rows: the descriptors."""
        rows = self.descriptors.astype(np.float32)
        rows /= np.maximum(np.sqrt(np.einsum("ij,ij->i", rows, rows)), 1)[:, None]
        return rows

    def mirrored(self) -> Keypoints:
        """Those of the image with left and right exchanged."""
        points = self.points.copy()
        points[:, 0] = self.size[0] - 1 - points[:, 0]
        cells = self.descriptors.reshape(-1, _CELLS, _CELLS, _BINS)
        turned = cells[:, ::-1, :, (-np.arange(_BINS)) % _BINS]
        return Keypoints(
            points,
            self.scales,
            (np.pi - self.angles).astype(np.float32),
            np.ascontiguousarray(turned.reshape(self.descriptors.shape)),
            self.size,
        )


def find_keypoints(grey: Floats) -> Keypoints:
    """The corners of an image.

    Args:
        grey: (H, W) float32 in [0, 1], of at most ``LONGEST`` pixels a side.
    """
    height, width = grey.shape
    image = Image.fromarray(grey)
    parts = []
    for scale, most in _LEVELS:
        size = max(8, round(width * scale)), max(8, round(height * scale))
        level = np.asarray(image.resize(size, Image.Resampling.BOX), np.float32)
        smooth = _blurred(level)
        points = _corners(smooth, most)
        angles = _directions(smooth, points)
        across = np.array([width / size[0], height / size[1]], np.float32)
        placed = (points + 0.5) * across - 0.5
        scales = np.full(len(points), scale, np.float32)
        parts.append((placed, scales, angles, _described(smooth, points, angles)))
    points, scales, angles, rows = (
        np.concatenate(one).astype(np.float32) for one in zip(*parts, strict=True)
    )
    # Few values of a unit row come near 1/2; finer steps change no answer, and take memory.
    descriptors = np.minimum(np.rint(rows * _PRECISION), 255).astype(np.uint8)
    return Keypoints(points, scales, angles, descriptors, (width, height))


def _blurred(image: Reals) -> Reals:
    """Smoothed by a binomial kernel of five, edges repeated."""
    padded = np.pad(image, 2, mode="edge")
    rows = _weighed(*(padded[i : i + image.shape[0]] for i in range(5)))
    return _weighed(*(rows[:, i : i + image.shape[1]] for i in range(5)))


def _weighed(one: Reals, two: Reals, three: Reals, four: Reals, five: Reals) -> Reals:
    whole: Reals = one + five
    whole += 4 * (two + four)
    whole += 6 * three
    whole /= 16
    return whole


def _corners(image: Reals, most: int) -> Floats:
    """(n, 2) float32 x and y of the places where an image changes most in every direction."""
    down, right = np.gradient(image, axis=0), np.gradient(image, axis=1)
    xx, yy, xy = _blurred(right * right), _blurred(down * down), _blurred(right * down)
    weaker = (xx + yy - np.sqrt((xx - yy) ** 2 + 4 * xy * xy)) / 2
    inner = weaker[_EDGE:-_EDGE, _EDGE:-_EDGE]
    if not inner.size:
        return np.zeros((0, 2), np.float32)
    peaks = (inner >= _greatest_around(inner)) & (inner > _LEAST)
    rows, columns = np.nonzero(peaks)
    strongest = np.argsort(-inner[rows, columns], kind="stable")[:most]
    found = np.stack([columns[strongest], rows[strongest]], axis=1) + _EDGE
    return found.astype(np.float32)


def _greatest_around(image: Reals) -> Reals:
    """The greatest value within so many pixels of each, in a square."""
    padded = np.pad(image, _APART, constant_values=-1)
    return _greatest_of_next(_greatest_of_next(padded).T).T


def _greatest_of_next(rows: Reals) -> Reals:
    """The greatest of each row and the ``2 * _APART`` after it, by way of two and four of them."""
    two = np.maximum(rows[:-1], rows[1:])
    four = np.maximum(two[:-2], two[2:])
    most: Reals = np.maximum(four[:-_APART], four[_APART:])  # right for _APART = 3 alone
    return most


def _directions(image: Reals, points: Floats) -> Floats:
    """(n,) float32 angles to where the surroundings of points are brighter."""
    reach = np.arange(-8, 9, dtype=np.float32)
    right, down = np.meshgrid(reach, reach)
    inside = right**2 + down**2 <= 64
    right, down = right[inside], down[inside]
    values = sampled(image, points[:, :1] + right, points[:, 1:] + down)
    return np.arctan2(values @ down, values @ right).astype(np.float32)


def _described(image: Reals, points: Floats, angles: Floats) -> Floats:
    """(n, 128) float32 unit rows: gradients around points, by place and direction."""
    reach = (np.arange(_SAMPLES, dtype=np.float32) - (_SAMPLES - 1) / 2) * _STEP
    along, across = np.meshgrid(reach, reach)  # along a point's direction, and across it
    cosine, sine = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    x = points[:, 0, None, None] + cosine * along - sine * across
    y = points[:, 1, None, None] + sine * along + cosine * across
    patches = sampled(image, x, y)
    right = patches[:, 1:-1, 2:] - patches[:, 1:-1, :-2]
    down = patches[:, 2:, 1:-1] - patches[:, :-2, 1:-1]
    far = (along**2 + across**2)[1:-1, 1:-1]
    strength = np.hypot(right, down) * np.exp(-far / (2 * 8.0**2))
    turn = np.arctan2(down, right) * np.float32(_BINS / (2 * np.pi))
    lower = np.floor(turn)
    share = (turn - lower) * strength
    bins, first = lower.astype(np.intp), _places(len(points))
    rows = _summed(first + bins % _BINS, strength - share, len(points))
    rows += _summed(first + (bins + 1) % _BINS, share, len(points))
    total = rows.sum(axis=1, keepdims=True)
    described: Floats = np.sqrt(rows / np.maximum(total, 1e-9)).astype(np.float32)
    return described


def _places(count: int) -> NDArray[np.intp]:
    """(count, s, s) places of each sample's first bin among all bins of as many corners."""
    side = _SAMPLES - 2
    cell = np.arange(side) // (side // _CELLS)
    cells = cell[:, None] * _CELLS + cell
    first: NDArray[np.intp] = np.arange(count)[:, None, None] * _CELLS**2 + cells
    return first * _BINS


def _summed(places: NDArray[np.intp], values: Reals, count: int) -> Reals:
    """(count, 128) sums of the values that belong to each bin."""
    sums = np.bincount(places.ravel(), values.ravel(), count * DESCRIBED)
    return sums.astype(np.float64).reshape(count, DESCRIBED)


def sampled(image: Reals, x: Reals, y: Reals) -> Reals:
    """Values of an image at places between pixels, edges repeated.

    Args:
        image: (H, W) brightness or (H, W, 3) colours.
        x: places, of any shape.
        y: the same.

    Returns:
        of the shape of ``x``, and three of each place where there are colours.
    """
    height, width = image.shape[:2]
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = x.astype(np.intp), y.astype(np.intp)
    across, down = (x - left).astype(np.float32), (y - top).astype(np.float32)
    if image.ndim == 3:
        across, down = across[..., None], down[..., None]
    values = np.ascontiguousarray(image).reshape(height * width, *image.shape[2:])
    start, right = top * width + left, left < width - 1
    upper = _between(values[start], values[start + right], across)
    start += np.where(top < height - 1, width, 0)
    lower = _between(values[start], values[start + right], across)
    return _between(upper, lower, down)


def _between(one: Reals, other: Reals, share: Reals) -> Reals:
    values: Reals = one + (other - one) * share
    return values
