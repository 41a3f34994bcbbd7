"""An alignment that corners told, brought to a fraction of a pixel by all that both images show.

Lucas and Kanade's: each step fits how the grid has to be sheared and moved, and how much brighter
and richer in contrast the one image is, to what is left of the difference.
"""

from __future__ import annotations

import numpy as np

from vitrail.search.duplicates.alignment import AffineTransform
from vitrail.search.duplicates.keypoints import Floats
from vitrail.search.duplicates.overlay import Overlay, lay_over, resized

_FEWEST = 200  # pixels that have to be there
_FARTHEST = 0.3  # of a turn or stretch in one step: more is no small correction
_GAINS = (0.06, 0.15)  # of what is missing to a correlation of 1: of copies a tenth and a quarter


def refine_promising(
    one: Floats, other: Floats, alignment: AffineTransform, longest: int, times: int
) -> AffineTransform | None:
    """As ``refine``, but given up (``None``) where the first steps hardly bring anything.

    Images that happen to be alike, of which most pairs are, stay as far from one another.
    """
    return _refined(one, other, alignment, longest, times, gains=_GAINS)


def refine(
    one: Floats, other: Floats, alignment: AffineTransform, longest: int, times: int
) -> AffineTransform:
    """An alignment nearer to what lies where; the same where nothing better is found.

    Args:
        one: (H, W) float32 brightness in [0, 1].
        other: the same, of any size.
        alignment: where the one lies in the other, roughly.
        longest: pixels of the longer side of the grid that is laid over both.
        times: how often.
    """
    return _refined(one, other, alignment, longest, times) or alignment


def _refined(
    one: Floats,
    other: Floats,
    alignment: AffineTransform,
    longest: int,
    times: int,
    gains: tuple[float, ...] = (),
) -> AffineTransform | None:
    """The alignment after so many steps; ``None`` once they brought less than they had to."""
    factor = max(1.0, max(one.shape) / longest)
    small, down = _reduced(one, factor)
    other, across = _reduced(other, factor * alignment.scale)
    found = between_reduced(alignment, down, across)
    missing = 0.0
    for number in range(times):
        overlay = lay_over(small, other, found, longest)
        if number == 0:
            missing = _missing(overlay) if gains else 0.0
        elif number <= len(gains) and _missing(overlay) > missing * (1 - gains[number - 1]):
            return None
        step = _step(overlay)
        if step is None:
            break
        turn, move = step
        found = AffineTransform(
            (found.matrix @ turn).astype(np.float32),
            (found.matrix @ move + found.offset).astype(np.float32),
            alignment.mirrored,
            alignment.places,
        )
    one = np.ones(2, np.float32)
    return between_reduced(found, one / down, one / across)


def _reduced(image: Floats, factor: float) -> tuple[Floats, Floats]:
    """An image reduced about so far, and by how much exactly: (2,) across and down."""
    high, wide = image.shape
    if factor <= 1.25:
        return image, np.ones(2, np.float32)
    size = max(1, round(wide / factor)), max(1, round(high / factor))
    return resized(image, size), np.array([wide / size[0], high / size[1]], np.float32)


def between_reduced(alignment: AffineTransform, one: Floats, other: Floats) -> AffineTransform:
    """The same alignment of the images reduced by so much: (2,) across and down, of either."""
    start, end = (one - 1) / 2, (1 - other) / (2 * other)
    matrix = alignment.matrix * one / other[:, None]
    offset = (alignment.matrix @ start + alignment.offset) / other + end
    return AffineTransform(
        matrix.astype(np.float32),
        offset.astype(np.float32),
        alignment.mirrored,
        alignment.places,
    )


def _missing(overlay: Overlay) -> float:
    """How far both images are from a correlation of 1, where both are; 0 to 2."""
    a, b = overlay.one[overlay.inside], overlay.laid[overlay.inside]
    if not a.size:
        return 1.0
    a, b = a - a.mean(), b - b.mean()
    return 1 - float(a @ b) / max(float(np.sqrt((a @ a) * (b @ b))), 1e-9)


def _step(overlay: Overlay) -> tuple[Floats, Floats] | None:
    """How places of the one image move: ``place @ turn.T + move``; ``None`` if nothing tells."""
    if min(overlay.inside.shape) < 3:
        return None
    inside = overlay.inside
    if np.count_nonzero(inside) < _FEWEST:
        return None
    x = np.broadcast_to(overlay.across, inside.shape)[inside]
    y = np.broadcast_to(overlay.down[:, None], inside.shape)[inside]
    down, right = (each[inside] for each in _slopes(overlay))
    given, laid = overlay.one[inside], overlay.laid[inside]
    rows = [right * x, right * y, down * x, down * y, right, down, laid, np.ones_like(laid)]
    table = np.stack(rows, dtype=np.float64)
    # What differs most is what lies over the image, not how it lies.
    rest = np.abs((laid - laid.mean()) - (given - given.mean()))
    weighed = table / (0.05 + rest)
    normal = weighed @ table.T
    normal[np.diag_indices(8)] *= 1 + 1e-6
    normal[np.diag_indices(8)] += 1e-9
    found = np.linalg.solve(normal, weighed @ given)
    gain = found[6]
    if gain < 0.05:
        return None
    turn = np.eye(2) + found[:4].reshape(2, 2) / gain
    if np.abs(turn - np.eye(2)).max() > _FARTHEST:
        return None
    return turn.astype(np.float32), (found[4:6] / gain).astype(np.float32)


def _slopes(overlay: Overlay) -> tuple[Floats, Floats]:
    """(h, w) by how much the image that is laid grows brighter down and across, a pixel."""
    image, down, right = overlay.laid, np.empty_like(overlay.laid), np.empty_like(overlay.laid)
    far, wide = overlay.down[1] - overlay.down[0], overlay.across[1] - overlay.across[0]
    np.subtract(image[2:], image[:-2], out=down[1:-1])
    np.subtract(image[:, 2:], image[:, :-2], out=right[:, 1:-1])
    down[1:-1] /= 2 * far
    right[:, 1:-1] /= 2 * wide
    down[0], down[-1] = (image[1] - image[0]) / far, (image[-1] - image[-2]) / far
    right[:, 0] = (image[:, 1] - image[:, 0]) / wide
    right[:, -1] = (image[:, -1] - image[:, -2]) / wide
    return down, right
