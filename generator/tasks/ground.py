"""What belongs to an image, and what is white: the ground that it stands on, or paper."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

_WHITE = 245  # least value of a pixel's channels that counts as white
_SIDE = 256  # pixels at which the ground is looked for, which is slow, and fine enough
_LEAST = 0.02  # share of an image below which what is left of it is no image


def foreground(image: Image.Image, shape: tuple[int, int]) -> NDArray[np.float32]:
    """How much of each cell of a grid does not belong to a white ground, from 0 to 1.

    Ground is what is white and reaches the edge; what is transparent was laid over white. An image
    that is ground almost throughout is taken whole.

    Args:
        image: RGB.
        shape: height and width of the grid.

    Returns:
        (h, w) float32 of that shape.
    """
    small = _small(image)
    # A white frame, so that the ground is filled from wherever it reaches the edge.
    white = np.pad(_is_white(small), 1, constant_values=True).astype(np.uint8)
    framed = Image.fromarray(white).copy()  # the first may not be written, and would stay silent
    ImageDraw.floodfill(framed, (0, 0), 2)
    return _shares(np.asarray(framed)[1:-1, 1:-1] != 2, shape)


def coloured(image: Image.Image, shape: tuple[int, int]) -> NDArray[np.float32]:
    """How much of each cell of a grid is not white, wherever it lies, from 0 to 1.

    An image that is white almost throughout is taken whole.

    Args:
        image: RGB.
        shape: height and width of the grid.

    Returns:
        (h, w) float32 of that shape.
    """
    return _shares(~_is_white(_small(image)), shape)


def _small(image: Image.Image) -> Image.Image:
    small = image.copy()
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    return small


def _is_white(image: Image.Image) -> NDArray[np.bool_]:
    white: NDArray[np.bool_] = np.asarray(image).min(axis=2) >= _WHITE
    return white


def _shares(own: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.float32]:
    if own.mean() < _LEAST:
        return np.ones(shape, np.float32)
    grid = Image.fromarray(own.astype(np.float32)).resize(shape[::-1], Image.Resampling.BOX)
    return np.asarray(grid, np.float32).clip(0, 1)
