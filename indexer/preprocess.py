"""Pure preprocessing: an upright RGB image to the (S, S, 3) uint8 pixels a checkpoint wants."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Preprocess:
    """What a checkpoint's own Pillow processor does before rescaling and normalising.

    Attributes:
        shortest_edge: resize so that the shorter side has this length (``None``: use ``size``).
        size: resize to exactly (height, width) (``None``: use ``shortest_edge``).
        resample: Pillow's resampling filter number.
        crop: centre crop to (height, width) after the resize, or ``None``.
        mean: per channel, subtracted after dividing by 255.
        std: per channel, divided by last.
    """

    shortest_edge: int | None
    size: tuple[int, int] | None
    resample: int
    crop: tuple[int, int] | None
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, stable: part of the fingerprint."""
        return asdict(self)
