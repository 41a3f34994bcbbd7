"""A collection opened to be read, where nothing has to be embedded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitrail.indexer.collection.store import CollectionStore


def open_reader(directory: Path) -> CollectionStore:
    """Open a collection for reading; a context manager. No encoder is looked for.

    Raises:
        CollectionError: there is none, it is damaged or of a newer format.
    """
    from vitrail.indexer.collection.store import CollectionStore

    return CollectionStore.open(directory)


def is_there(directory: Path) -> bool:
    """Whether there is a collection, of whatever format and in whatever state."""
    from vitrail.indexer.collection.layout import is_collection

    return is_collection(str(directory))
