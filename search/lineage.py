"""Which images an image was made from, and which were made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vitrail.indexer.collection.readers import MetadataReader
from vitrail.indexer.image_info import ImageInfo


@dataclass(frozen=True, slots=True)
class Relative:
    """An image related to another through a recipe.

    Attributes:
        role: what the parent was to the child: ``init``, ``content``, ``style`` or ``mask``.
        content_hash: sha256 (hex) of the image's file.
        id: in this collection, or ``None`` when it is not in it.
        metadata: what the collection knows of it; ``None`` when it is not in it.
    """

    role: str
    content_hash: str
    id: int | None
    metadata: ImageInfo | None


def parents(collection: MetadataReader, image_id: int) -> list[Relative]:
    """The images that an image's recipe names, in the recipe's order; empty without a recipe.

    Raises:
        InputError: no such image.
    """
    (row,) = collection.metadata([image_id])
    return [
        _relative(collection, str(parent["role"]), str(parent["content_hash"]))
        for parent in _parents_of(row)
    ]


def children(collection: MetadataReader, image_id: int) -> list[Relative]:
    """The images whose recipes name an image, by id.

    Raises:
        InputError: no such image.
    """
    (row,) = collection.metadata([image_id])
    content_hash = row.content_hash
    ids = collection.allowed_ids("contains(recipe, ?)", [content_hash])
    found = []
    for child in collection.metadata(ids.tolist()):
        for parent in _parents_of(child):
            if parent["content_hash"] == content_hash:
                relative = Relative(parent["role"], child.content_hash, child.id, child)
                found.append(relative)
    return found


def _parents_of(row: ImageInfo) -> list[dict[str, Any]]:
    named = (row.recipe or {}).get("parents")
    # recipes of other tools' images may hold anything under that name
    return [
        parent
        for parent in (named if isinstance(named, list | tuple) else ())
        if isinstance(parent, dict) and {"role", "content_hash"} <= parent.keys()
    ]


def _relative(collection: MetadataReader, role: str, content_hash: str) -> Relative:
    ids = collection.allowed_ids("content_hash = ?", [content_hash]).tolist()
    if not ids:
        return Relative(role, content_hash, None, None)
    (row,) = collection.metadata(ids[:1])
    return Relative(role, content_hash, ids[0], row)
