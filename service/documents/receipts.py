"""How far a reply can be trusted and what it is of, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vitrail.service.documents.plain import model_name

if TYPE_CHECKING:
    from vitrail.search.query import Origin, SearchResult


def receipt_document(
    origin: Origin,
    seconds: Mapping[str, float],
    *,
    candidates: int = 0,
    allowed: int | None = None,
    recall: float = 1.0,
    exact: bool = True,
    places: bool = False,
) -> dict[str, Any]:
    """The receipt of a reply.

    Args:
        origin: the commit that it was read of.
        seconds: stage -> time taken.
        candidates: how many vectors were compared.
        allowed: how many images the filter let through; ``None`` without one.
        recall: the share of the nearest that is found.
        exact: whether no better hit can exist.
        places: whether it tells where the encoder's checkpoint lies.
    """
    return {
        "exact": exact,
        "estimated_recall": recall,
        "candidates": candidates,
        "allowed": allowed,
        "commit": origin.commit,
        "encoder": {
            "checkpoint": origin.checkpoint if places else model_name(origin.checkpoint),
            "fingerprint": origin.fingerprint,
            "variant": origin.variant,
        },
        "seconds": {stage: round(taken, 6) for stage, taken in seconds.items()},
    }


def result_receipt(
    result: SearchResult, seconds: Mapping[str, float], *, places: bool = False
) -> dict[str, Any]:
    """The receipt of a search's answer, with the times of what was done around it."""
    assert result.origin is not None  # every commit's answer has one
    return receipt_document(
        result.origin,
        {**seconds, **result.seconds},
        candidates=result.candidates,
        allowed=result.allowed,
        recall=result.estimated_recall,
        exact=result.exact,
        places=places,
    )
