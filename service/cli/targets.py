"""What was typed to be taken out of a collection, as what it names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from vitrail.indexer.errors import InputError, UnknownImageError
from vitrail.indexer.indexing.removal import below, removable_files
from vitrail.service.operations.references import ImageId
from vitrail.service.operations.removing import IndexedFile, IndexedFiles, IndexedFolder, Target

if TYPE_CHECKING:
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.records import KnownFile

_GLOB = re.compile(r"[*?[]")


def read_targets(store: CollectionStore, texts: Sequence[str]) -> list[Target]:
    """What is to be taken out of a collection: ids, hashes, files, folders and globs.

    Raises:
        UnknownImageError: a text names nothing.
        InputError: it names several images.
    """
    known = removable_files(store)
    folders = [root.path for root in store.roots()]
    return [_read_target(store, text, known, folders) for text in texts]


def _read_target(
    store: CollectionStore, text: str, known: Mapping[str, KnownFile], folders: Sequence[str]
) -> Target:
    path = os.path.abspath(os.path.expanduser(text))
    if not text.isdigit():
        if path in known:
            return IndexedFile(path)
        if _is_known_folder(path, known, folders):
            return IndexedFolder(path)
        if _GLOB.search(text):
            anywhere = "/" in text.rstrip("/")
            here = os.path.join(os.getcwd(), os.path.expanduser(text))
            return IndexedFiles(text, here if anywhere else None)
    try:
        return ImageId(_resolve_waiting_too(store, text), text)
    except InputError:
        if text.isdigit() and _is_known_folder(path, known, folders):  # named as a year
            return IndexedFolder(path)
        raise


def _is_known_folder(path: str, known: Mapping[str, KnownFile], folders: Sequence[str]) -> bool:
    found = below(path, known, folders)
    return bool(found.paths or found.roots)


def _resolve_waiting_too(store: CollectionStore, text: str) -> int:
    """The image that is named, a live one rather than one that waits for its files."""
    try:
        return store.resolve(text)
    except UnknownImageError:
        with suppress(UnknownImageError):
            return store.resolve(text, waiting=True)
        raise
