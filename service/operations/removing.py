"""Images and files taken out of a collection; the files stay on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from vitrail.indexer.errors import InputError, UnknownImageError
from vitrail.service.operations.references import (
    ContentHash,
    ImageId,
    IndexedPath,
    StoredImage,
    find_image,
)

if TYPE_CHECKING:
    from vitrail.indexer.catalog.departures import Removed
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.indexing.removal import Named, Removal
    from vitrail.indexer.records import KnownFile


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """One file, by its whole path; an image that has others stays with those."""

    path: str


@dataclass(frozen=True, slots=True)
class IndexedFolder:
    """All files below a folder; if it was indexed itself, it is forgotten too."""

    path: str


@dataclass(frozen=True, slots=True)
class IndexedFiles:
    """All files that a glob matches.

    Attributes:
        glob: matched below the folders that were indexed, as ``exclude`` is.
        placed: the same as an absolute path, if it may be meant from a place of its own.
    """

    glob: str
    placed: str | None = None


Target: TypeAlias = StoredImage | IndexedFile | IndexedFolder | IndexedFiles


@dataclass(frozen=True, slots=True)
class RemovalReport:
    """What a removal takes out.

    Attributes:
        removal: what was found by the targets.
        removed: what was taken out; ``None`` of a dry run.
    """

    removal: Removal
    removed: Removed | None


def remove(
    directory: Path,
    targets: Sequence[Target] | Callable[[CollectionStore], Sequence[Target]],
    *,
    dry_run: bool = False,
) -> RemovalReport:
    """Take out what targets name; it comes back only when its files change.

    Args:
        directory: of the collection.
        targets: images leave with all their files, files and folders take files out. Or what
            chooses them, by the very commit that they are taken out of.
        dry_run: only tell.

    Raises:
        UnknownImageError: an image is not in the collection, nor waiting for its files.
        InputError: a file, folder or glob names nothing.
        CollectionLockedError: another process is writing.
        CollectionError: there is no collection, or the disk is full.
    """
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.indexing.removal import carry_out, plan_named, removable_files

    with CollectionStore.open(directory, writable=not dry_run) as store:
        known = removable_files(store)
        chosen = targets(store) if callable(targets) else targets
        removal = plan_named(store, [_named(store, one, known) for one in chosen], known)
        return RemovalReport(removal, None if dry_run else carry_out(store, removal))


def _named(store: CollectionStore, target: Target, known: Mapping[str, KnownFile]) -> Named:
    from vitrail.indexer.indexing.removal import Named, below, matching

    folders = [root.path for root in store.roots()]
    if isinstance(target, ImageId | IndexedPath | ContentHash):
        return Named(frozenset((_live_or_waiting(store, target),)))
    if isinstance(target, IndexedFiles):
        return matching(target.glob, target.placed, known, folders)
    found = below(target.path, known, folders)
    if isinstance(target, IndexedFile):
        found = Named(paths=(target.path,) if target.path in known else ())
    if not found.paths and not found.roots:
        raise InputError(f"{target.path} holds nothing of this collection; check the path")
    return found


def _live_or_waiting(store: CollectionStore, image: StoredImage) -> int:
    try:
        return find_image(store, image)
    except UnknownImageError:
        return find_image(store, image, waiting=True)
