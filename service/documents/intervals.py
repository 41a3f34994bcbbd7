"""A mean and its bounds, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitrail.search.measures import Interval


def interval_document(one: Interval) -> dict[str, float]:
    """What was measured, and between what it is by 95%."""
    return {"mean": one.mean, "low": one.low, "high": one.high}
