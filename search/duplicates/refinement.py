"""An alignment that corners told, brought to a fraction of a pixel by all that both images show.

Lucas and Kanade's: each step fits how the grid has to be sheared and moved, and how much brighter
and richer in contrast the one image is, to what is left of the difference.
"""

from __future__ import annotations

import numpy as np

from vitrail.search.duplicates.alignment import AffineTransform
from vitrail.search.duplicates.keypoints import Floats
from vitrail.search.duplicates.overlay import Overlay, grey, lay_over

_STEPS = ((56, 4), (112, 3))  # pixels of the grid, and how often
_FEWEST = 200  # pixels that have to be there
_FARTHEST = 0.3  # of a turn or stretch in one step: more is no small correction


def refine(one: Floats, other: Floats, alignment: AffineTransform) -> AffineTransform:
    """An alignment nearer to what lies where; the same where nothing better is found.

    Args:
        one: (H, W, 3) float32 colours in [0, 1].
        other: the same.
        alignment: where the one lies in the other, roughly.
    """
    for longest, times in _STEPS:
        for _ in range(times):
            step = _step(lay_over(one, other, alignment, longest))
            if step is None:
                return alignment
            turn, move = step
            alignment = AffineTransform(
                (alignment.matrix @ turn).astype(np.float32),
                (alignment.matrix @ move + alignment.offset).astype(np.float32),
                alignment.mirrored,
                alignment.places,
            )
    return alignment


def _step(overlay: Overlay) -> tuple[Floats, Floats] | None:
    """How places of the one image move: ``place @ turn.T + move``; ``None`` if nothing tells."""
    if min(overlay.inside.shape) < 3:
        return None
    given, laid = grey(overlay.one), grey(overlay.laid)
    down, right = np.gradient(laid)
    spacing = overlay.places[1, 1] - overlay.places[0, 0]
    right, down = right / spacing[0], down / spacing[1]
    inside = overlay.inside
    if inside.sum() < _FEWEST:
        return None
    x, y = overlay.places[inside].T
    right, down, laid, given = right[inside], down[inside], laid[inside], given[inside]
    columns = [right * x, right * y, down * x, down * y, right, down, laid, np.ones_like(laid)]
    table = np.stack(columns, axis=1).astype(np.float64)
    # What differs most is what lies over the image, not how it lies.
    rest = np.abs((laid - laid.mean()) - (given - given.mean()))
    weight = 1 / (0.05 + rest)
    weighed = table * weight[:, None]
    normal = weighed.T @ table
    normal[np.diag_indices(8)] *= 1 + 1e-6
    normal[np.diag_indices(8)] += 1e-9
    found = np.linalg.solve(normal, weighed.T @ given)
    gain = found[6]
    if gain < 0.05:
        return None
    turn = np.eye(2) + found[:4].reshape(2, 2) / gain
    if np.abs(turn - np.eye(2)).max() > _FARTHEST:
        return None
    return turn.astype(np.float32), (found[4:6] / gain).astype(np.float32)
