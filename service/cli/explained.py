"""Why a hit was found, as a contact sheet shows it: two images, and what of them matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vitrail.search.heatmaps import overlay

if TYPE_CHECKING:
    from vitrail.search.explanation import Explanation, PatchMap

NOTHING = 0.02  # of an image, up to which hardly anything of it matches
_ROWS = ("upper", "middle", "lower")
_COLUMNS = ("left", "middle", "right")


class DrawnImage(NamedTuple):
    """One of the two images: what it is, the image itself, the veil over it, and both in words."""

    name: str
    image: str
    veil: str
    told: str


class Why(NamedTuple):
    """What a card says of an explanation; no sides where patches were not compared, and why."""

    sides: tuple[DrawnImage, ...]
    reason: str


def show_why(
    explained: Explanation,
    queries: Sequence[str | None],
    shown: str | None,
    longest: int,
) -> Why:
    """The query's image that matches most, and the hit's.

    Args:
        explained: why the hit was found.
        queries: small copies of the query's images.
        shown: a small copy of the hit.
        longest: pixels of the longer side of these.
    """
    query, hit = explained.query, explained.hit
    if query is None or hit is None:
        return Why((), explained.reason)
    asked = queries[explained.image]
    if asked is None or shown is None:
        return Why((), "an image cannot be shown")
    return Why(
        (
            DrawnImage("query", asked, overlay(query, longest), in_words(query)),
            DrawnImage("hit", shown, overlay(hit, longest), in_words(hit)),
        ),
        explained.reason,
    )


def in_words(patches: PatchMap) -> str:
    """What a map shows, for who cannot see it: how much of the image matches, and where."""
    share = patches.share
    if share < NOTHING:
        return "hardly any of it matches"
    return f"{share:.0%} of it matches, most at the {_place(patches)}"


def _place(patches: PatchMap) -> str:
    """The ninth of the seen part in which the middle of what matches lies."""
    rows, columns = np.indices(patches.grid.shape)
    weights = patches.grid / patches.grid.sum()
    height, width = patches.grid.shape
    row = _ROWS[int(3 * ((rows + 0.5) * weights).sum() / height)]
    column = _COLUMNS[int(3 * ((columns + 0.5) * weights).sum() / width)]
    return row if row == column else f"{row} {column}"
