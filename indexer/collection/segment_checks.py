"""Whether the segments are those that the catalog lists, whole, and can be searched."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog import catalog as catalogs
from vitrail.indexer.catalog import hidden
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

_NONE: NDArray[np.int64] = np.empty(0, np.int64)


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
    live, whole = live_ids(collection), []
    lost, held = [_NONE], [_NONE]  # to segments that are told of already; by those that are read
    for segment in listed:
        finding = check_segment(folder, segment, collection.fingerprint)
        if finding is None:
            finding, ids = _check_rows(folder, segment, collection.fingerprint, live)
            held.append(ids)
        if finding is None:
            whole.append(segment)
        else:
            lost.append(_inside(live, segment))
            yield finding
    yield from _check_homes(np.setdiff1d(live, np.concatenate([*held, *lost])), whole)
    ids, counts = np.unique(np.concatenate(held), return_counts=True)
    if (doubled := np.intersect1d(ids[counts > 1], live)).size:
        problem = f"{counted(len(doubled), 'live image is', 'live images are')} in two segments"
        yield Finding("catalog", catalogs.FILE, f"{problem}, such as id {doubled[0]}")


def live_ids(collection: CollectionStore) -> NDArray[np.int64]:
    """(n,) int64 ids of the live images, ascending."""
    with collection.reading() as connection:
        return hidden.visible_ids(connection)


def _inside(ids: NDArray[np.int64], segment: Segment) -> NDArray[np.int64]:
    """Those of (n,) ids that a segment may hold, others between its first and last id too."""
    return ids[(ids >= segment.min_id) & (ids <= segment.max_id)]


def _check_homes(homeless: NDArray[np.int64], whole: Sequence[Segment]) -> Iterator[Finding]:
    """Tell of live images that no segment holds, where it should be one of the whole ones."""
    for segment in whole:
        lacking = _inside(homeless, segment)
        if len(lacking):
            problem = f"it lacks {counted(len(lacking), 'live image')}, such as id {lacking[0]}"
            yield _damaged(segment, problem)
            homeless = np.setdiff1d(homeless, lacking)
    if len(homeless):
        yield Finding("catalog", catalogs.FILE, f"{len(homeless)} live images are in no segment")


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
) -> tuple[Finding | None, NDArray[np.int64]]:
    """What is wrong with a segment's rows, if anything, and the ids that it holds."""
    try:
        ids, odd = usable_ids(folder, segment, fingerprint)
    except UnreadableError as error:
        return Finding("segment", segment.name, str(error), "unreadable"), _NONE
    except CollectionError as error:  # whole, as its checksum says, and yet not to be understood
        return _damaged(segment, str(error)), _NONE
    odd = np.intersect1d(odd, live)
    if not len(odd):
        return None, ids
    told = counted(len(odd), "image has", "images have")
    problem = f"{told} vectors that are not of length 1, such as id {odd[0]}, so that searches fail"
    return _damaged(segment, problem), ids


def usable_ids(
    folder: str, segment: Segment, fingerprint: Fingerprint
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n,) int64 ids that a segment holds, and those of them whose vectors no index takes.

    Raises:
        CollectionError: it cannot be read, or is damaged.
    """
    held = odd = _NONE
    for number, (space, dim) in enumerate(fingerprint.spaces):
        ids, rows = read_vectors(folder, segment, space, dim)
        held = ids if not number else np.intersect1d(held, ids)
        odd = np.union1d(odd, ids[list(odd_lengths(rows))])
    return held, odd
