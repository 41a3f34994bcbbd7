"""Whether the segments are those that the catalog lists, whole, and can be searched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog import catalog as catalogs
from vitrail.indexer.collection.findings import Finding
from vitrail.indexer.errors import CollectionError, DamagedError, UnreadableError
from vitrail.indexer.files.durability import checksum
from vitrail.indexer.files.reading import reading
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.segments import segment_file
from vitrail.indexer.segments.segment_file import ALTERED, Segment, read_header, read_vectors
from vitrail.indexer.vectors.checks import odd_lengths
from vitrail.indexer.wording import counted

if TYPE_CHECKING:
    from vitrail.indexer.collection.store import CollectionStore

LIVE = "FROM images i ANTI JOIN deletions d ON d.image_id = i.id"


def check_segments(collection: CollectionStore) -> Iterator[Finding]:
    """Compare each segment with its checksum and with the catalog."""
    folder = os.path.join(collection.directory, segment_file.FOLDER)
    listed = collection.state.segments
    try:
        if listed and not segment_file.found(folder):
            raise segment_file.away(folder)
    except UnreadableError as error:
        yield Finding("segment", segment_file.FOLDER, str(error), "unreadable")
        return
    live = live_ids(collection)
    covered = np.zeros(len(live), bool)
    for segment in listed:
        finding = check_segment(folder, segment, collection.fingerprint)
        if finding is not None:
            yield finding
        else:
            yield from _check_rows(folder, segment, collection.fingerprint, live)
        covered |= (live >= segment.min_id) & (live <= segment.max_id)
    if not covered.all():
        count = int((~covered).sum())
        yield Finding("catalog", catalogs.FILE, f"{count} live images are in no segment")


def live_ids(collection: CollectionStore, up_to: int | None = None) -> NDArray[np.int64]:
    """(n,) int64 ids of the live images, ascending."""
    with collection.reading() as connection:
        rows = connection.execute(
            f"SELECT i.id {LIVE} WHERE ? IS NULL OR i.id <= ? ORDER BY i.id", [up_to, up_to]
        ).fetchnumpy()["id"]
    return np.asarray(np.ma.getdata(rows), np.int64)


def check_segment(folder: str, segment: Segment, fingerprint: Fingerprint) -> Finding | None:
    """Why a listed segment, in a folder that has some, cannot be trusted or read, or ``None``."""
    path = os.path.join(folder, segment.name)
    try:
        with reading(path):
            size, found = os.path.getsize(path), checksum(path)
        if size != segment.bytes:
            return _damaged(segment, f"it has {size} bytes instead of {segment.bytes}")
        if found != segment.checksum:
            return _damaged(segment, ALTERED)
        if not read_header(path).fingerprint.agrees(fingerprint):
            return _damaged(segment, "it was made by another encoder")
    except FileNotFoundError:
        return Finding("segment", segment.name, "it is missing", "missing")
    except UnreadableError as error:
        return Finding("segment", segment.name, str(error), "unreadable")
    except DamagedError as error:
        return _damaged(segment, str(error))
    return None


def _damaged(segment: Segment, problem: str) -> Finding:
    return Finding("segment", segment.name, problem)


def _check_rows(
    folder: str, segment: Segment, fingerprint: Fingerprint, live: NDArray[np.int64]
) -> Iterator[Finding]:
    try:
        lacking, odd = unusable_ids(folder, segment, fingerprint, live)
    except UnreadableError as error:
        yield Finding("segment", segment.name, str(error), "unreadable")
        return
    except CollectionError as error:  # whole, as its checksum says, and yet not to be understood
        yield _damaged(segment, str(error))
        return
    if len(lacking):
        yield _damaged(
            segment, f"it lacks {counted(len(lacking), 'live image')}, such as id {lacking[0]}"
        )
    if len(odd):
        yield _damaged(
            segment,
            f"{counted(len(odd), 'image has', 'images have')} vectors that are not of length 1, "
            f"such as id {odd[0]}, so that searches fail",
        )


def unusable_ids(
    folder: str, segment: Segment, fingerprint: Fingerprint, live: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Live ids that a segment should hold and lacks, and those whose vectors no index takes.

    Raises:
        CollectionError: it cannot be read, or is damaged.
    """
    expected = live[(live >= segment.min_id) & (live <= segment.max_id)]
    lacking = odd = np.empty(0, np.int64)
    for space, dim in fingerprint.spaces:
        ids, rows = read_vectors(folder, segment, space, dim)
        lacking = np.setdiff1d(expected, ids)
        wrong = ids[list(odd_lengths(rows))]
        odd = np.union1d(odd, np.intersect1d(wrong, expected))
    return lacking, odd
