"""Whether the files that derived spaces are worked out by are there, and what was written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vitrail.indexer.catalog.derived import DerivedSpace
from vitrail.indexer.collection import transforms
from vitrail.indexer.collection.findings import Finding
from vitrail.indexer.errors import CollectionError, DamagedError, UnreadableError
from vitrail.indexer.fingerprint import Fingerprint

if TYPE_CHECKING:
    from vitrail.indexer.collection.store import CollectionStore


def check_transforms(collection: CollectionStore) -> Iterator[Finding]:
    """Read each derived space's transform from its file."""
    for space in collection.state.derived:
        finding = check_transform(collection.directory, space, collection.fingerprint)
        if finding is not None:
            yield finding


def check_transform(
    directory: str, space: DerivedSpace, fingerprint: Fingerprint
) -> Finding | None:
    """Why a space cannot be worked out, or ``None``."""
    name = f"{transforms.FOLDER}/{space.digest}{transforms.SUFFIX}"
    try:
        transforms.load(directory, space, fingerprint)
    except UnreadableError as error:
        return Finding("transform", name, str(error), "unreadable")
    except DamagedError as error:
        return Finding("transform", name, error.problem)
    except CollectionError as error:
        return Finding("transform", name, error.problem, "missing")
    return None
