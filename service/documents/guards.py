"""What a guard found of generated images, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrail.service.documents.plain import named_path

if TYPE_CHECKING:
    from vitrail.indexer.recipes.recipe import GuardRecord
    from vitrail.service.operations.guarding import GuardLine
    from vitrail.service.operations.refusals import RefusedCopy


def line_document(line: GuardLine | None) -> dict[str, Any] | None:
    """Where copies begin, and what that was told by; ``None`` without a guard."""
    if line is None:
        return None
    return {
        "line": line.score,
        "innocent": line.innocent,
        "references": line.compared,
        "references_that_are_copies": line.copied,
    }


def refused_document(image: RefusedCopy) -> dict[str, Any]:
    """An image that was not kept, and what it copies."""
    copied = image.copied
    there = None if image.there is None else str(image.there)
    return {
        "prompt": image.prompt,
        "seed": image.seed,
        "guard": record_document(image.found),
        "copies": None if copied is None else {"id": copied.id, **named_path(copied.path)},
        "kept_before": named_path(there),
        "last": image.last,
    }


def record_document(record: GuardRecord) -> dict[str, Any]:
    """What was found of one image."""
    return {
        "rate": record.rate,
        "against": record.against,
        "score": record.score,
        "fpr": record.fpr,
        "copy_of": record.copy_of,
        "refused": list(record.refused),
    }
