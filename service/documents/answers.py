"""What a search answered, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vitrail.service.documents.plain import named_paths

if TYPE_CHECKING:
    from vitrail.search.explanation import Explanation, PatchMap
    from vitrail.search.query import Hit, SearchResult


def answer_document(
    title: str, result: SearchResult, explanations: Sequence[Explanation] = ()
) -> dict[str, Any]:
    """What was asked, how it was answered, and the hits.

    Args:
        title: what was asked, for people.
        result: what came of it.
        explanations: of the first hits, where they were asked for.
    """
    explained = {one.id: one for one in explanations}
    return {
        "query": title,
        "exact": result.exact,
        "estimated_recall": result.estimated_recall,
        "candidates": result.candidates,
        "allowed": result.allowed,
        **trust_members(result),
        "seconds": result.seconds,
        "next": result.next,
        "hits": [hit_document(hit, explained.get(hit.id)) for hit in result.hits],
    }


def trust_members(result: SearchResult) -> dict[str, Any]:
    """What tells how far an answer can be trusted, and why there is none."""
    return {
        "evidence": asdict(result.evidence),
        "scale": None if result.scale is None else asdict(result.scale),
        "reason": result.reason or None,
        "hints": list(result.hints),
    }


def hit_document(hit: Hit, explained: Explanation | None = None) -> dict[str, Any]:
    """One hit, with why it was found where that was asked for."""
    return {
        "id": hit.id,
        "score": hit.score,
        "scores": hit.scores,
        **({} if explained is None else {"explanation": explanation_document(explained)}),
        "fpr": hit.fpr,
        "closeness": hit.closeness,
        "seed_ranks": list(hit.seed_ranks),
        "group": None if hit.group is None else asdict(hit.group),
        **named_paths(hit.paths),
        "metadata": {key: value for key, value in hit.metadata.to_dict().items() if key != "paths"},
    }


def explanation_document(explained: Explanation) -> dict[str, Any]:
    """Shares of the score, and grids of what matches in either image."""
    return {
        "shares": explained.shares,
        "query_image": explained.image,
        "query": _patches(explained.query),
        "hit": _patches(explained.hit),
        "reason": explained.reason or None,
    }


def _patches(patches: PatchMap | None) -> dict[str, Any] | None:
    if patches is None:
        return None
    grid = [[round(value, 3) for value in row] for row in patches.grid.tolist()]
    return {"grid": grid, "box": list(patches.box), "size": list(patches.size)}
