"""Which images an image was made from, and which were made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class LineageCollection(Protocol):
    """The part of a collection that lineage needs."""

    def allowed_ids(self, where: str, parameters: Sequence[Any] = ()) -> NDArray[np.int64]:
        """Sorted (n,) int64 ids for which an SQL expression with ``?`` marks is true."""

    def metadata(self, ids: Sequence[int]) -> list[dict[str, Any]]:
        """The catalog's columns of each id, in order."""


@dataclass(frozen=True, slots=True)
class Relative:
    """An image related to another through a recipe.

    Attributes:
        role: what the parent was to the child: ``init``, ``content``, ``style`` or ``mask``.
        content_hash: sha256 (hex) of the image's file.
        id: in this collection, or ``None`` when it is not in it.
        metadata: the collection's columns for it; empty when it is not in it.
    """

    role: str
    content_hash: str
    id: int | None
    metadata: dict[str, Any]


def parents(collection: LineageCollection, image_id: int) -> list[Relative]:
    """The images that an image's recipe names, in the recipe's order; empty without a recipe.

    Raises:
        InputError: no such image.
    """
    (row,) = collection.metadata([image_id])
    return [
        _relative(collection, str(parent["role"]), str(parent["content_hash"]))
        for parent in _parents_of(row)
    ]


def children(collection: LineageCollection, image_id: int) -> list[Relative]:
    """The images whose recipes name an image, by id.

    Raises:
        InputError: no such image.
    """
    (row,) = collection.metadata([image_id])
    content_hash = row["content_hash"]
    ids = collection.allowed_ids("contains(recipe, ?)", [content_hash])
    found = []
    for child in collection.metadata(ids.tolist()):
        for parent in _parents_of(child):
            if parent["content_hash"] == content_hash:
                relative = Relative(parent["role"], child["content_hash"], child["id"], child)
                found.append(relative)
    return found


def _parents_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    recipe = row.get("recipe")
    named = recipe.get("parents") if isinstance(recipe, dict) else None
    # recipes of other tools' images may hold anything under that name
    return [
        parent
        for parent in (named if isinstance(named, list | tuple) else ())
        if isinstance(parent, dict) and {"role", "content_hash"} <= parent.keys()
    ]


def _relative(collection: LineageCollection, role: str, content_hash: str) -> Relative:
    ids = collection.allowed_ids("content_hash = ?", [content_hash]).tolist()
    if not ids:
        return Relative(role, content_hash, None, {})
    (row,) = collection.metadata(ids[:1])
    return Relative(role, content_hash, ids[0], row)
