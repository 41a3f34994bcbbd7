"""Maps of what matches, as images with holes that a page lays over the ones they belong to."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from vitrail.search.explanation import PatchMap

VEIL = (16, 18, 24)
"""Colour of what lies over an image where it does not match."""
DENSEST = 0.8  # how far it hides the image there
CUT = (236, 234, 229, 200)
"""What lies over what the encoder did not see: pale, as if it were cut away."""
_STRIPE = (150, 150, 148, 220)
_HATCH = 9  # pixels from stripe to stripe


def overlay(patches: PatchMap, longest: int) -> str:
    """A ``data:`` URL of a veil in the shape of the image, which what matches shines through.

    How bright a place is tells it, and no hue: whoever sees no colours sees it too. What the
    encoder did not see is hatched.

    Args:
        patches: what matches.
        longest: pixels of the longer side.
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(veil(patches.paint(longest, smooth=True)), "RGBA").save(
        buffer, "WEBP", lossless=True
    )
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def veil(painted: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(H, W) float32 in [0, 1] or NaN to (H, W, 4) uint8: opaque as far as nothing matches."""
    unseen = np.isnan(painted)
    drawn = np.empty((*painted.shape, 4), np.uint8)
    drawn[..., :3] = VEIL
    drawn[..., 3] = np.rint(255 * DENSEST * (1 - np.where(unseen, 0, painted)))
    rows, columns = np.indices(painted.shape)
    drawn[unseen] = CUT
    drawn[unseen & ((rows + columns) % _HATCH == 0)] = _STRIPE
    return drawn
