"""What small pixels do not show: whether two images agree in their details too.

Pages of text, filled-in forms and tables agree when small, line on line. What was written there
differs in details, which is why images are read again, larger, before they are held to be copies.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from PIL import Image

from vitrail.search.duplicates.agreement import DetailAgreement, compare_details
from vitrail.search.duplicates.alignment import AffineTransform
from vitrail.search.duplicates.evidence import ALTERED, RE_ENCODED, Confirmed, CopyEvidence
from vitrail.search.duplicates.keypoints import LONGEST, Floats
from vitrail.search.duplicates.overlay import grey, lay_over
from vitrail.search.duplicates.refinement import between_reduced, refine

DETAILED = 448
"""Pixels of the longer side of an image that details are compared by."""
_FEWEST_PIXELS = 160  # of the longer side that both have; with fewer, nothing new is seen
_FEWEST = 24  # parts in strong contrast, for any share of them to tell anything
_LEAST_ALIKE = 0.45  # of pages of other text .2 to .34 are, of a blurred meadow .74
_UNCHANGED = 0.9  # of other numbers in the same table .8 are
_CONTRADICTING = 2  # parts; a digit of a table is less than one, a word is some
_STEPS = 3
_HELD = 0.8  # of an image's pixels: finer lines come out otherwise of every scaling


class Detailed(NamedTuple):
    """An image, larger than what is held of it.

    Attributes:
        brightness: (H, W) float32 in [0, 1], the longer side of at most ``DETAILED`` pixels.
        size: (width, height) of the upright image itself.
    """

    brightness: Floats
    size: tuple[int, int]


def detailed(image: Image.Image, size: tuple[int, int]) -> Detailed:
    """Make it of an upright RGB image, which may have been decoded smaller than its size."""
    share = min(1.0, DETAILED / max(image.size))
    width, height = (max(1, round(side * share)) for side in image.size)
    small = image.resize((width, height), Image.Resampling.BICUBIC)
    return Detailed(grey(np.asarray(small, np.float32) / np.float32(255)), size)


def shared_pixels(
    keeper: tuple[int, int], copy: tuple[int, int], alignment: AffineTransform
) -> int:
    """Pixels of the keeper's longer side, of what it shows, that details are compared by.

    Args:
        keeper: (width, height) of the upright image.
        copy: the same of the other.
        alignment: where the one lies in the other, both with a longer side of ``LONGEST`` pixels.
    """
    return int(min(DETAILED, _HELD * max(keeper), _HELD * max(copy) * alignment.scale))


def worth_reading(
    keeper: tuple[int, int], copy: tuple[int, int], alignment: AffineTransform
) -> bool:
    """Whether larger pixels can show more than small ones did; arguments as ``shared_pixels``."""
    return shared_pixels(keeper, copy, alignment) >= _FEWEST_PIXELS


def with_details(found: Confirmed, keeper: Detailed, copy: Detailed) -> CopyEvidence | None:
    """What shows that an image is a copy, once its details are compared too.

    Args:
        found: by small pixels.
        keeper: what is compared with.
        copy: the other.

    Returns:
        ``None`` where hardly any agree; ``altered`` where some differ of what was ``re-encoded``.
    """
    details = _compared(found.alignment, keeper, copy)
    if details.strong < _FEWEST:
        return found.evidence
    if details.agreeing < _LEAST_ALIKE:
        return None
    if found.evidence.tier != RE_ENCODED:
        return found.evidence
    if details.agreeing < _UNCHANGED:
        changed = f"{1 - details.agreeing:.0%} of the details changed"
    elif details.contradicting >= _CONTRADICTING:
        changed = "a small part changed"
    else:
        return found.evidence
    return replace(found.evidence, tier=ALTERED, says=(*found.evidence.says, changed))


def _compared(alignment: AffineTransform, keeper: Detailed, copy: Detailed) -> DetailAgreement:
    """How far details agree, at best, as small pixels told where they lie or as larger ones do."""
    one, other = keeper.brightness, copy.brightness
    shared = shared_pixels(keeper.size, copy.size, alignment)
    larger = between_reduced(alignment, _reduction(one), _reduction(other))
    finer = refine(one, other, larger, min(shared, LONGEST), _STEPS)
    both = [compare_details(lay_over(one, other, each, shared)) for each in (larger, finer)]
    return max(both, key=lambda found: (found.agreeing, -found.contradicting))


def _reduction(image: Floats) -> Floats:
    """(2,) by how much the small pixels are fewer across and down; below 1 as they are."""
    height, width = image.shape
    share = LONGEST / max(width, height)
    small = [max(1, round(width * share)) / width, max(1, round(height * share)) / height]
    return np.array(small, np.float32)
