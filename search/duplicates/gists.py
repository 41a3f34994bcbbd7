"""Images of a few grey pixels: which pairs may be copies, and that most others are none."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vitrail.search.duplicates.agreement import weigh
from vitrail.search.duplicates.frames import without_margins
from vitrail.search.duplicates.keypoints import Floats

SIDE = 24
"""Pixels a side."""
SMALL = 16
"""Pixels a side of those that are held of all images."""
_MARGINS = 0.95  # share of an image from which on its margins change nothing
_LONG = 1.3  # of the sides of an image that may be two beside one another
_BLOCK = 4  # pixels a side of a part
_USUAL = 4.8  # length of the greys of most images, whose deviation is 0.2
_BLANK = 0.05  # length below which greys tell nothing


Packed = NDArray[np.int8]
"""(256,) int8 greys of mean 0, as long as they happen to be; zeros of a blank image."""


class PackedGists(NamedTuple):
    """What an image, and parts of it that may be images of their own, look like when very small.

    Attributes:
        whole: the image.
        inner: what is left without plain margins; ``None`` where there are none.
        halves: left and right, or upper and lower, of an image that may be two.
    """

    whole: Packed
    inner: Packed | None
    halves: tuple[Packed, ...]


def gist_of(brightness: Floats, side: int = SIDE) -> Floats:
    """(side, side) float32 of mean 0 and length 1; zeros of a blank image.

    Args:
        brightness: (H, W) float32 in [0, 1].
        side: pixels.
    """
    small = Image.fromarray(brightness).resize((side, side), Image.Resampling.BOX)
    values = np.asarray(small, np.float32)
    values = values - values.mean()
    length = float(np.linalg.norm(values))
    return values / np.float32(max(length, 1e-6)) if length > _BLANK else np.zeros_like(values)


def packed_gists(brightness: Floats) -> PackedGists:
    """Those of an image and of its parts, some 300 to 1,000 bytes.

    Args:
        brightness: (H, W) float32 in [0, 1].
    """
    height, width = brightness.shape
    inner = without_margins(brightness)
    framed = inner.area < _MARGINS * height * width
    core = brightness[inner.top : inner.bottom, inner.left : inner.right]
    parts = []
    if width >= _LONG * height:
        parts = [brightness[:, : width // 2], brightness[:, width // 2 :]]
    elif height >= _LONG * width:
        parts = [brightness[: height // 2], brightness[height // 2 :]]
    return PackedGists(
        _packed(brightness), _packed(core) if framed else None, tuple(_packed(p) for p in parts)
    )


def _packed(brightness: Floats) -> Packed:
    gist = gist_of(np.ascontiguousarray(brightness), SMALL).ravel()
    packed: Packed = np.rint(gist * (127 / max(float(np.abs(gist).max()), 1e-6))).astype(np.int8)
    return packed


def share_of_gists(one: Floats, other: Floats) -> float:
    """The share (0 to 1) of the parts of two gists that agree, of those that show something.

    Args:
        one: (24, 24) float32, a gist.
        other: another.
    """
    return weigh(_parts(one), _parts(other))[0]


def _parts(gist: Floats) -> Floats:
    """(36, 16) values of parts, as bright as those of most images, their means taken off."""
    count = SIDE // _BLOCK
    cut = gist.reshape(count, _BLOCK, count, _BLOCK).swapaxes(1, 2).reshape(count**2, -1)
    parts: Floats = cut - cut.mean(axis=1, keepdims=True)
    return parts * np.float32(_USUAL)
