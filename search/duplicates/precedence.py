"""Which of two copies is to be kept for what it shows, where a plain frame is nothing to show.

Whether there is one only a pair can tell: an image alone does not say whether its plain margins
were put around it, or are its own and the other one was cut out of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from vitrail.search.duplicates.alignment import AffineTransform
from vitrail.search.duplicates.corners import Footprint, box_in
from vitrail.search.duplicates.keypoints import Floats
from vitrail.search.duplicates.looks import Look

_FINE = 0.97  # share of the pixels that are as many, since small images tell them no nearer
_MANY_MORE = 1.2  # the same that are many more, for which plain margins are given up
_STRAIGHT = 2.0  # degrees
_NEAR = 2  # small pixels by which an edge may be elsewhere; of true frames by 0.3, at most by 1.4
_EVEN = 0.04  # of brightness, within which a line of a frame is plain
_PLAIN_SHARE = 0.7  # of its pixels; there may be a caption in it, or buttons
_ONE_GROUND = 0.5  # share of a frame's lines that are as bright as it: no sky that grows darker
_STANDS_OUT = 0.08  # of brightness, by which a picture differs from its frame
_SHARP_SHARE = 0.75  # of the frame's inner edge; a round thing on its own ground touches little


def stays_first(better: Look, other: Look, alignment: AffineTransform) -> bool | None:
    """Whether the better of two copies, by what is known of each alone, goes before the other.

    Args:
        better: a look; of the image with more pixels, or as many.
        other: of its copy.
        alignment: of the better one's small pixels in those of the other.

    Returns:
        ``False`` where the other is just what a frame in the better one is around, at as many
        pixels; ``True`` where the better one shows all of the other; ``None`` where neither is so.
    """
    back = _inverse(alignment)
    if not _contains(better, other, back):
        return None
    if _adds_a_frame(better, other, back):
        return False
    return _pixels_there(better, other, back) >= _FINE * _pixels(other) or None


def _contains(larger: Look, smaller: Look, into: AffineTransform) -> bool:
    """Whether an image lies in another, all of it."""
    box = box_in(smaller.frame, into)
    wide, high = larger.frame
    inside = box.right <= wide + _NEAR and box.bottom <= high + _NEAR
    return inside and min(box.left, box.top) >= -_NEAR


def _adds_a_frame(larger: Look, smaller: Look, into: AffineTransform) -> bool:
    """Whether there is but a plain frame round the place of an image, which has as many pixels.

    Where it has many more, what is around it in the larger one may also be of its own ground.
    """
    share = _pixels(smaller) / _pixels_there(larger, smaller, into)
    straight = abs((into.degrees + 45) % 90 - 45) < _STRAIGHT  # a quarter turn is as straight
    if share < _FINE or not straight:
        return False
    box = box_in(smaller.frame, into)
    return is_framed(larger.brightness, box, edged=share < _MANY_MORE)


def is_framed(
    brightness: Floats, box: tuple[float, float, float, float], *, edged: bool = True
) -> bool:
    """Whether what lies around a part of an image is a plain frame, from which the part stands out.

    Args:
        brightness: (H, W) float32 in [0, 1].
        box: left, top, right and bottom edge of the part, in pixels.
        edged: whether the part has to stand out.
    """
    sides = [*_sides(brightness, Footprint(*box))]
    if not sides:
        return False
    edges = [np.abs(side.inner - np.median(side.lines[-1])) > _STANDS_OUT for side in sides]
    if edged and np.concatenate(edges).mean() < _SHARP_SHARE:
        return False
    lines = [line for side in sides for line in side.lines]
    grounds = np.array([np.median(line) for line in lines])
    plain = all(
        np.mean(np.abs(line - ground) < _EVEN) >= _PLAIN_SHARE
        for line, ground in zip(lines, grounds, strict=True)
    )
    alike = np.mean(np.abs(grounds - np.median(grounds)) < _EVEN)
    return plain and bool(alike >= _ONE_GROUND)


class _Side(NamedTuple):
    """What lies on one side of a part of an image.

    Attributes:
        lines: of the image, from its edge on.
        inner: one within the part, as near as its edge is known.
    """

    lines: list[Floats]
    inner: Floats


def _sides(image: Floats, box: Footprint) -> Iterator[_Side]:
    """The sides of a part on which there is more than its edge may be off."""
    left, top, right, bottom = map(round, box)
    within = slice(max(0, left + _NEAR), right - _NEAR), slice(max(0, top + _NEAR), bottom - _NEAR)
    high, wide = image.shape
    beside = image[within[1]].T  # what lies above and below is on those sides
    for rows, begin, across in (
        (image, top, within[0]),
        (image[::-1], high - bottom, within[0]),
        (beside, left, slice(None)),
        (beside[::-1], wide - right, slice(None)),
    ):
        outer, inner = begin - _NEAR, begin + _NEAR
        if outer > 0 and inner < len(rows) and rows[inner, across].size:
            yield _Side([*rows[:outer]], rows[inner, across])


def _pixels(image: Look) -> int:
    return image.size[0] * image.size[1]


def _pixels_there(larger: Look, smaller: Look, into: AffineTransform) -> float:
    """How many pixels of the one image lie where the other is in it."""
    wide, high = larger.frame
    small_wide, small_high = smaller.frame
    share = small_wide * small_high * into.scale**2 / (wide * high)
    return share * _pixels(larger)


def _inverse(alignment: AffineTransform) -> AffineTransform:
    matrix = np.linalg.inv(alignment.matrix).astype(np.float32)
    offset = (-matrix @ alignment.offset).astype(np.float32)
    return AffineTransform(matrix, offset, alignment.mirrored, alignment.places)
