"""Queries in, hits out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import vitrail.indexer  # noqa: F401 - switches the dependencies' reports off, whatever is imported next

if TYPE_CHECKING:
    from vitrail.search.collection import Collection as Collection

__all__ = ["Collection"]


def __getattr__(name: str) -> Any:
    # the command line imports parts of this package and must not pay for all of it
    if name == "Collection":
        from vitrail.search.collection import Collection

        return Collection
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
