"""What an image was made from, and what was made from it, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrail.service.documents.plain import named_path

if TYPE_CHECKING:
    from vitrail.search.lineage import Relative
    from vitrail.service.operations.lineage import Lineage


def lineage_document(lineage: Lineage) -> dict[str, Any]:
    """An image's recipe, what it was made from, and what was made from it."""
    row = lineage.image
    return {
        "id": row.id,
        "content_hash": row.content_hash,
        "recipe": row.recipe,
        "parents": [_relative(one) for one in lineage.parents],
        "children": [_relative(one) for one in lineage.children],
    }


def _relative(one: Relative) -> dict[str, Any]:
    known = one.metadata
    return {
        "role": one.role,
        "id": one.id,
        "content_hash": one.content_hash,
        **named_path(known.paths[0] if known and known.paths else None),
        "prompt": known and known.prompt,
    }
