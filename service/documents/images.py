"""An image of a collection as JSON: what is known of it, as far as it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vitrail.service.documents.plain import (
    MODELS,
    model_name,
    named_paths,
    readable,
    without_places,
)

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo

USUAL = (
    *("name", "label", "content_hash", "width", "height", "format", "bytes"),
    *("taken_at", "generated", "prompt", "missing"),
)
"""What is told where nobody says what to tell."""
PLACES = frozenset({"path", "paths", "folder"})
"""Columns that tell where files lie."""


def metadata_document(image: ImageInfo, columns: Sequence[str], *, places: bool) -> dict[str, Any]:
    """Some columns of an image, text as valid Unicode; with ``paths`` their own bytes, too.

    Args:
        image: what is known of it.
        columns: that are told.
        places: whether recipes, and names of models, tell where files lie.
    """
    known = {name: _readable(image[name]) for name in columns}
    if not places:
        models = {k: model_name(v) for k, v in known.items() if k in MODELS and isinstance(v, str)}
        known |= models
        if "recipe" in known:
            known["recipe"] = without_places(known["recipe"])
    return known | named_paths(image.paths) if "paths" in known else known


def _readable(value: Any) -> Any:
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, list | tuple):
        return [_readable(inner) for inner in value]
    if isinstance(value, Mapping):
        return {readable(str(name)): _readable(inner) for name, inner in value.items()}
    return value
