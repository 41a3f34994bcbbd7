"""Decisions about duplicates: said, taken back, and listed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.indexer.errors import InputError
from vitrail.service.operations.references import StoredImage, find_image

if TYPE_CHECKING:
    from vitrail.indexer.catalog.decisions import Decision, DecisionCounts
    from vitrail.indexer.collection.answering import Answering
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.image_info import ImageInfo

KINDS = ("same", "not-duplicates", "keep")
"""What may be said of images."""


@dataclass(frozen=True, slots=True)
class KnownDecision:
    """A decision, and the images that it is about.

    Attributes:
        token: what it is called.
        at: when it was made, UTC.
        kind: one of ``KINDS``.
        contents: content hashes (sha256, hex).
        images: those of them that are in the collection now.
        undone: whether it was taken back.
    """

    token: str
    at: datetime
    kind: str
    contents: tuple[str, ...]
    images: tuple[ImageInfo, ...]
    undone: bool


def decide(
    directory: Path,
    kind: str,
    images: Sequence[StoredImage] | Callable[[CollectionStore], Sequence[StoredImage]],
) -> KnownDecision:
    """Say of images that they are the same, or no duplicates, or that they stay.

    Args:
        directory: of the collection.
        kind: one of ``KINDS``.
        images: of the collection; or what chooses them, by the commit that is written to.

    Raises:
        UnknownImageError: an image is not in the collection.
        InputError: no such kind, too few images, or one is named twice; nothing is written.
        CollectionLockedError: another process is writing.
        CollectionError: there is no collection, or the disk is full.
    """
    from vitrail.indexer.collection.deciding import decide as say
    from vitrail.indexer.collection.store import CollectionStore

    with CollectionStore.open(directory, writable=True) as store:
        named = images(store) if callable(images) else images
        ids = [find_image(store, image) for image in named]
        made = say(store, kind, [info.content_hash for info in store.metadata(ids)])
        return _known(store, made, undone=False)


def undo(directory: Path, token: str | None = None) -> KnownDecision:
    """Take a decision back; it stays in the log, as undone.

    Args:
        directory: of the collection.
        token: of the decision, or its first digits; ``None`` is the last that stands.

    Raises:
        InputError: there is none, several begin so, or it is undone already.
        CollectionLockedError: another process is writing.
        CollectionError: there is no collection, or the disk is full.
    """
    from vitrail.indexer.collection.deciding import undo as take_back
    from vitrail.indexer.collection.store import CollectionStore

    with CollectionStore.open(directory, writable=True) as store:
        return _known(store, take_back(store, token), undone=True)


def list_decisions(store: Answering) -> tuple[KnownDecision, ...]:
    """All that was decided and is no undoing, in the order of time."""
    from vitrail.indexer.catalog.decisions import UNDO, standing

    log = store.decisions()
    held = {one.token for one in standing(log)}
    return tuple(
        _known(store, one, undone=one.token not in held) for one in log if one.kind != UNDO
    )


def export_decisions(store: CollectionStore) -> bytes:
    """The whole log as JSON, for another collection."""
    from vitrail.indexer.collection.deciding import told_decisions

    return told_decisions(store.decisions())


def import_decisions(directory: Path, log: bytes) -> DecisionCounts:
    """Add the decisions of another collection that this one lacks; how many.

    Args:
        directory: of the collection.
        log: as ``export_decisions`` gave it.

    Raises:
        InputError: it cannot be understood; nothing is written.
        CollectionLockedError: another process is writing.
        CollectionError: there is no collection, or the disk is full.
    """
    from vitrail.indexer.collection.deciding import DECISIONS, carried_decisions, take_decisions
    from vitrail.indexer.collection.store import CollectionStore

    decisions = carried_decisions({DECISIONS: log}, "the log")
    with CollectionStore.open(directory, writable=True) as store:
        return take_decisions(store, decisions)


def write_log(store: CollectionStore, file: Path) -> DecisionCounts:
    """Write the whole log to a file, for another collection; how many decisions.

    Args:
        store: the collection.
        file: JSON, as the service gives it; must not exist yet.

    Raises:
        InputError: it exists, or cannot be written.
        CollectionError: the disk is full.
    """
    from vitrail.indexer.catalog.decisions import count_decisions
    from vitrail.indexer.collection.deciding import told_decisions
    from vitrail.indexer.files.durability import disk_guard, write_bytes

    log = store.decisions()
    data = json.dumps({"decisions": json.loads(told_decisions(log))}, indent=1).encode()
    path = os.path.abspath(file)
    if os.path.lexists(path):
        raise InputError(f"{file} exists already; name a new file for the decisions")
    try:
        with disk_guard(os.path.dirname(path), len(data)):
            write_bytes(path, data)
    except OSError as error:
        raise InputError(
            f"cannot write {file}: {error.strerror or error}; name a file that can be"
        ) from error
    return count_decisions(log)


def take_log(directory: Path, file: Path) -> DecisionCounts:
    """Add the decisions of a file that a collection lacks; how many.

    Args:
        directory: of the collection.
        file: as ``write_log`` or the service gave it.

    Raises:
        InputError: it is not there, or cannot be understood; nothing is written.
        UnreadableError: the system refuses it.
        CollectionLockedError: another process is writing.
        CollectionError: there is no collection, or the disk is full.
    """
    from vitrail.indexer.files.reading import read_bytes

    try:
        log = json.loads(read_bytes(str(file)))["decisions"]
    except FileNotFoundError as error:
        raise InputError(f"{file} is not there; name a file of decisions") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(
            f"{file} holds no decisions; name a file that `vitrail decisions --export` wrote"
        ) from error
    return import_decisions(directory, json.dumps(log).encode())


def _known(store: Answering, decision: Decision, *, undone: bool) -> KnownDecision:
    from vitrail.indexer.catalog.contents import ids_of

    with store.reading() as connection:
        ids = ids_of(connection, decision.contents)
    images = store.metadata([ids[one] for one in decision.contents if one in ids])
    return KnownDecision(
        decision.token, decision.at, decision.kind, decision.contents, tuple(images), undone
    )
