"""Whether two images show the same, pixel by pixel, once the one is laid over the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.search.duplicates.alignment import AffineTransform
from vitrail.search.duplicates.frames import Rectangle
from vitrail.search.duplicates.keypoints import Floats
from vitrail.search.duplicates.overlay import Overlay, grey, lay_over

GRID = 112
"""Pixels of the longer side of what is compared, where both images have as many."""
_BLOCK = 8  # pixels a side of what is compared by itself
_PLAIN = 0.012  # deviation below which a block shows nothing
_PALE = 0.01  # a tint that hardly shows
_UNFRAMED = 0.75  # share of a block that is no frame; at its edge, all images agree
_SAME = 0.75  # correlation of two blocks that show the same
_STRONG = 0.05  # deviation of a block in such contrast that noise does not matter
_SAME_DETAILS = 0.6  # correlation of two such blocks that show the same
_STRONGER = 0.1  # deviation of a block that a line or letter crosses
_OTHER_DETAILS = 0.2  # correlation below which two such blocks show other things


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two aligned images agree.

    Attributes:
        agreeing: share (0 to 1) of the blocks that show something, in either, and agree.
        structured: how many such blocks there are.
        covers: share of the one image that lies in the other.
        covered: share of the other that the one fills.
        within: like ``agreeing``, of the blocks that are no plain frame of either image, around
            which alone two screenshots agree; 1 where these show nothing.
    """

    agreeing: float
    structured: int
    covers: float
    covered: float
    within: float = 1.0


@dataclass(frozen=True, slots=True)
class ColourDifference:
    """How far the colours of two aligned images differ.

    Attributes:
        difference: mean absolute difference of the colours where both are, 0 to 1.
        tint: difference of their tints alone, as a share of the stronger one's.
    """

    difference: float
    tint: float


class DetailAgreement(NamedTuple):
    """How far two images agree in their details.

    Attributes:
        agreeing: share (0 to 1) of the blocks in strong contrast, in either, that agree.
        strong: how many such blocks there are.
        contradicting: blocks that show quite other things, as no encoder, scaling or blur makes.
    """

    agreeing: float
    strong: int
    contradicting: int


def compare(
    one: Floats,
    other: Floats,
    alignment: AffineTransform,
    longest: int = GRID,
    inner: tuple[Rectangle, Rectangle] | None = None,
) -> Agreement:
    """Lay one image over another, and compare them block by block.

    Args:
        one: (H, W) float32 brightness in [0, 1].
        other: the same, of any size.
        alignment: where the one lies in the other.
        longest: pixels of the longer side of what is compared.
        inner: the parts of either that are no frame; ``None`` is all.
    """
    if not 0.02 < alignment.scale < 50:
        return Agreement(0, 0, 0, 0)
    laid = lay_over(one, other, alignment, longest)
    covers = float(laid.inside.mean())
    if laid.inside.sum() < 4 * _BLOCK * _BLOCK:
        return Agreement(0, 0, covers, laid.covered)
    told = None
    if inner is not None:
        told = inner[0].holds(laid.across, laid.down[:, None]) & inner[1].holds(laid.x, laid.y)
    one, other, framed = _blocks(laid, told)
    agreeing, structured = weigh(one, other)
    within = 1.0
    if framed.any():
        share, many = weigh(one[~framed], other[~framed])
        within = share if many else 1.0
    return Agreement(agreeing, structured, covers, laid.covered, within)


def compare_colours(
    one: Floats, other: Floats, alignment: AffineTransform, longest: int = GRID
) -> ColourDifference:
    """How far the colours of two images differ where the one is laid over the other.

    Args:
        one: (H, W, 3) float32 colours in [0, 1].
        other: the same, of any size.
        alignment: where the one lies in the other; some of it has to.
        longest: pixels of the longer side of what is compared.
    """
    laid = lay_over(one, other, alignment, longest)
    one, other = laid.one[laid.inside], laid.laid[laid.inside]
    return ColourDifference(float(np.abs(one - other).mean()), _tint(one, other))


def _tint(one: Floats, other: Floats) -> float:
    """How far the tints of (n, 3) colours differ: what is left of them without brightness."""
    a, b = one - grey(one)[:, None], other - grey(other)[:, None]
    strongest = max(float(np.abs(a).mean()), float(np.abs(b).mean()), _PALE)
    return float(np.abs(a - b).mean()) / strongest


def _blocks(
    laid: Overlay, unframed: NDArray[np.bool_] | None
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Blocks of both images where both are, their means taken off; and which are but a frame."""
    whole = _split(laid.inside.astype(np.float32)).mean(axis=1) > 0.9
    a, b = _split(laid.one)[whole], _split(laid.laid)[whole]
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    framed = np.zeros(len(a), np.bool_)
    if unframed is not None:
        framed = _split(unframed.astype(np.float32)).mean(axis=1)[whole] < _UNFRAMED
    return a, b, framed


def weigh(one: Floats, other: Floats) -> tuple[float, int]:
    """The share of some blocks that agree, and how many of them show something.

    Args:
        one: (n, p) float32 values of the blocks of an image, each block's mean taken off.
        other: the same of another.
    """
    spread = np.stack([one.std(axis=1), other.std(axis=1)])
    shows = spread.max(axis=0, initial=0) > _PLAIN
    if not shows.any():
        return 0.0, 0
    alike = (one * other).mean(axis=1) >= _SAME * np.maximum(spread[0] * spread[1], 1e-8)
    # Weighted by what they show, but for strong edges, which would drown the rest.
    weight = np.minimum(spread.max(axis=0), 0.1)[shows]
    return float((alike[shows] * weight).sum() / weight.sum()), int(shows.sum())


def compare_details(laid: Overlay) -> DetailAgreement:
    """Compare the blocks in strong contrast of brightness on one grid, each for itself."""
    one, other, _ = _blocks(laid, None)
    spread = one.std(axis=1), other.std(axis=1)
    most = np.maximum(*spread)
    alike = (one * other).mean(axis=1) / np.maximum(spread[0] * spread[1], 1e-4)
    strong = most > _STRONG
    share = float((alike[strong] >= _SAME_DETAILS).mean()) if strong.any() else 0.0
    other_things = (most > _STRONGER) & (alike < _OTHER_DETAILS)
    return DetailAgreement(share, int(strong.sum()), int(other_things.sum()))


def _split(image: Floats) -> Floats:
    """(n, 64) values of an image's blocks; what is left at its edges is left out."""
    rows, columns = (side // _BLOCK for side in image.shape)
    cut = image[: rows * _BLOCK, : columns * _BLOCK]
    parts: Floats = cut.reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2)
    return parts.reshape(rows * columns, _BLOCK * _BLOCK)
