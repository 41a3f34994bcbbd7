"""Find images by how they look: the Python API, each name loaded when it is first asked for.

>>> from vitrail import Collection
>>> with Collection.create("my-pictures", checkpoint="dinov2-small-focus") as pictures:
...     pictures.index("~/Pictures")
...     result = pictures.search("query.jpg", k=10)

Its packages are the folders at the top of the sources: see "Names" in docs/architecture.md.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if not os.path.isdir(os.path.join(__path__[0], "indexer")):
    # sources without the links to those folders: an sdist, or Windows where none may be made
    __path__.append(os.path.dirname(__path__[0]))

from vitrail.indexer import telemetry as _telemetry

_telemetry.switch_off()  # before anything of ours imports anything of others

if TYPE_CHECKING:
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.errors import (
        CollectionLockedError,
        ImageRejectedError,
        InputError,
        RemovalsRefusedError,
        VitrailError,
    )
    from vitrail.indexer.indexing.options import IndexOptions
    from vitrail.indexer.indexing.progress import IndexCounts
    from vitrail.search.options import SearchOptions
    from vitrail.search.query import Hit, SearchResult
    from vitrail.service.client.client import Client
    from vitrail.service.operations.collection import Collection

__all__ = [
    "Cancellation",
    "Client",
    "Collection",
    "CollectionLockedError",
    "Hit",
    "ImageRejectedError",
    "IndexCounts",
    "IndexOptions",
    "InputError",
    "RemovalsRefusedError",
    "SearchOptions",
    "SearchResult",
    "VitrailError",
]

_HOMES = {
    "Cancellation": "vitrail.indexer.cancellation",
    "Client": "vitrail.service.client.client",
    "Collection": "vitrail.service.operations.collection",
    "CollectionLockedError": "vitrail.indexer.errors",
    "Hit": "vitrail.search.query",
    "ImageRejectedError": "vitrail.indexer.errors",
    "IndexCounts": "vitrail.indexer.indexing.progress",
    "IndexOptions": "vitrail.indexer.indexing.options",
    "InputError": "vitrail.indexer.errors",
    "RemovalsRefusedError": "vitrail.indexer.errors",
    "SearchOptions": "vitrail.search.options",
    "SearchResult": "vitrail.search.query",
    "VitrailError": "vitrail.indexer.errors",
}

if not TYPE_CHECKING:  # a type checker is to know these names and no others

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
