"""An image that a guard refused, and what it copies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.indexer.recipes.recipe import GuardRecord


@dataclass(frozen=True, slots=True)
class RefusedCopy:
    """An image that is not kept.

    Attributes:
        prompt: what it was to show.
        seed: of its noise.
        found: how high it scored; not at all, where an image near it could not be read.
        copied: the image that it is held to copy; ``None`` where one near it could not be read.
        there: the file that an earlier run has kept of the same recipe, and which stays.
        last: whether no other seed is tried in its place.
    """

    prompt: str
    seed: int
    found: GuardRecord
    copied: ImageInfo | None
    there: Path | None
    last: bool
