"""Plain frames around images: what a screenshot, a scan or a mount adds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_FRAME = 3  # pixels of a side that are one
_EVEN = 0.04  # of brightness, within which a row is plain
_PLAIN_SHARE = 0.7  # of its pixels
_AT_ONCE = 8  # rows
_ALL_PLAIN = 0.92  # likewise, where nothing but a button may stand in it


class Rectangle(NamedTuple):
    """A part of an image, in its pixels; ``right`` and ``bottom`` are the first outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """How many pixels there are."""
        return (self.right - self.left) * (self.bottom - self.top)

    def holds(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(...) bool: which places are in it, whose x and y go together by numpy's rules."""
        inside: NDArray[np.bool_] = (x > self.left - 0.5) & (x < self.right - 0.5)
        inside = inside & (y > self.top - 0.5) & (y < self.bottom - 0.5)
        return inside


def without_frame(brightness: NDArray[np.float32]) -> Rectangle:
    """What is left of an image without a plain frame around it; all of one that has none.

    A frame is plain on three sides at least; a caption may stand in it, as it does in captions.

    Args:
        brightness: (H, W) float32 in [0, 1].
    """
    height, width = brightness.shape
    left, right = _plain_edges(brightness.T, _PLAIN_SHARE)
    top, bottom = _plain_edges(brightness, _PLAIN_SHARE)
    if sum(side >= _FRAME for side in (left, right, top, bottom)) < 3:
        return Rectangle(0, 0, width, height)
    return _box(left, top, right, bottom, brightness)


def without_margins(brightness: NDArray[np.float32]) -> Rectangle:
    """What is left of an image without plain margins on any side; all of a plain one.

    Narrower than what ``without_frame`` cuts off, and exact: what is left is the whole image that a
    screenshot or a letterbox shows, with whatever plain ground it has itself.

    Args:
        brightness: (H, W) float32 in [0, 1].
    """
    height = len(brightness)
    top, bottom = _plain_edges(brightness, _ALL_PLAIN)
    between = brightness[top : height - bottom]  # with a bar above, no column were plain
    # A frame's own brightness alone, since the image's ground may be plain as well.
    left, right = _plain_edges(between.T, _ALL_PLAIN, steady=True) if len(between) else (0, 0)
    return _box(left, top, right, bottom, brightness)


def _box(left: int, top: int, right: int, bottom: int, image: NDArray[np.float32]) -> Rectangle:
    """An image without so many pixels on each side; all of it where none were left."""
    height, width = image.shape
    if left + right >= width or top + bottom >= height:
        return Rectangle(0, 0, width, height)
    return Rectangle(left, top, width - right, height - bottom)


def _plain_edges(
    rows: NDArray[np.float32], share: float, *, steady: bool = False
) -> tuple[int, int]:
    """How many rows, from the first and from the last, are of one brightness but for some text.

    Args:
        rows: (n, m) float32.
        share: of a row's pixels that have to be.
        steady: whether all of them have to be as bright as the first, or the last.
    """
    return _plain(rows, share, steady=steady), _plain(rows[::-1], share, steady=steady)


def _plain(rows: NDArray[np.float32], share: float, *, steady: bool) -> int:
    """How many of the first rows are; few images have any, so that few are looked at."""
    first = np.nan
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        middles = np.median(some, axis=1, keepdims=True)
        even = np.mean(np.abs(some - middles) < _EVEN, axis=1) >= share
        if steady:
            first = middles[0, 0] if start == 0 else first
            even &= np.abs(middles[:, 0] - first) < _EVEN
        if not even.all():
            return start + int(np.argmin(even))
    return len(rows)
