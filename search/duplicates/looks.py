"""What is held of an image to compare it with others: small colours, and corners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vitrail.search.duplicates.keypoints import LONGEST, Keypoints, find_keypoints
from vitrail.search.duplicates.overlay import grey

_GIST = 24  # pixels a side
_FRAME = 3  # pixels of a side that are one
_EVEN = 0.04  # of brightness, within which a row is plain
_PLAIN_SHARE = 0.7  # of its pixels
_BLANK = 0.05  # length below which greys tell nothing


@dataclass(frozen=True, slots=True)
class Look:
    """An image, small; some 300 KB.

    Attributes:
        pixels: (H, W, 3) uint8, the longer side of ``LONGEST`` pixels.
        keypoints: of these.
        size: (width, height) of the upright image itself.
        gist: (24, 24) float32, greys of mean 0 and length 1; zeros of a blank image.
        content: share (0 to 1) of the image that is no plain frame around the rest.
    """

    pixels: NDArray[np.uint8]
    keypoints: Keypoints
    size: tuple[int, int]
    gist: NDArray[np.float32]
    content: float = 1.0

    @property
    def colours(self) -> NDArray[np.float32]:
        """(H, W, 3) float32 in [0, 1]."""
        return self.pixels.astype(np.float32) / np.float32(255)

    @property
    def frame(self) -> tuple[int, int]:
        """(width, height) of ``pixels``."""
        return self.pixels.shape[1], self.pixels.shape[0]


def look_at(image: Image.Image, size: tuple[int, int]) -> Look:
    """Make the look of an upright RGB image, which may have been decoded smaller than its size."""
    share = LONGEST / max(image.size)
    width, height = (max(1, round(side * share)) for side in image.size)
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    brightness = grey(pixels.astype(np.float32) / np.float32(255))
    return Look(pixels, find_keypoints(brightness), size, _gist(brightness), content_of(brightness))


def content_of(brightness: NDArray[np.float32]) -> float:
    """The share (0 to 1) of an image that is left without a plain frame.

    A frame is plain on three sides at least; a caption may stand in it, as it does in captions.

    Args:
        brightness: (H, W) float32 in [0, 1].
    """
    height, width = brightness.shape
    left, right = _plain_edges(brightness.T)
    top, bottom = _plain_edges(brightness)
    if sum(side >= _FRAME for side in (left, right, top, bottom)) < 3:
        return 1.0
    inner = max(0, width - left - right) * max(0, height - top - bottom)
    return inner / (width * height) or 1.0  # all of a blank one


def _plain_edges(rows: NDArray[np.float32]) -> tuple[int, int]:
    """How many rows, from the first and from the last, are of one brightness but for some text."""
    middles = np.median(rows, axis=1, keepdims=True)
    plain = np.mean(np.abs(rows - middles) < _EVEN, axis=1) >= _PLAIN_SHARE
    first = int(np.argmin(plain)) if not plain.all() else len(plain)
    last = int(np.argmin(plain[::-1])) if not plain.all() else len(plain)
    return first, last


def _gist(brightness: NDArray[np.float32]) -> NDArray[np.float32]:
    small = Image.fromarray(brightness).resize((_GIST, _GIST), Image.Resampling.BOX)
    values = np.asarray(small, np.float32)
    values = values - values.mean()
    length = float(np.linalg.norm(values))
    return values / np.float32(max(length, 1e-6)) if length > _BLANK else np.zeros_like(values)
