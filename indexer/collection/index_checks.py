"""Whether the saved vector indexes hold what the segments hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.collection.current_indexes import deleted_since, is_of, revived_since
from vitrail.indexer.collection.findings import Finding
from vitrail.indexer.collection.segment_checks import live_ids
from vitrail.indexer.errors import CollectionError, DamagedIndexError, UnreadableError
from vitrail.indexer.segments import segment_file
from vitrail.indexer.segments.segment_file import read_ids
from vitrail.indexer.vectors import indexes
from vitrail.indexer.vectors.indexes import Coverage, IndexFiles, LoadedIndex

_ROUNDING = 1e-5  # of a unit row's number, on another machine

if TYPE_CHECKING:
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.vectors.index import VectorIndex


def check_indexes(collection: CollectionStore) -> Iterator[Finding]:
    """Compare each space's newest index file with the segments."""
    for space in collection.spaces:
        files = collection.index_files(space)
        try:
            generations = files.generations()
        except UnreadableError as error:
            yield Finding("index", indexes.FOLDER, str(error), "unreadable")
            return
        if not generations:
            continue  # a cache that is made when it pays
        finding = check_index(collection, files, generations[0])
        if finding is not None:
            yield finding


def check_index(collection: CollectionStore, files: IndexFiles, generation: int) -> Finding | None:
    """Why an index file cannot be trusted or read, or ``None``: so if a writer has replaced it."""
    from vitrail.indexer.vectors.index import VectorIndex

    path = files.path(generation)
    name = os.path.basename(path)
    try:
        index, meta = VectorIndex.load(path, verify=True)
        held = Coverage(**meta)
    except FileNotFoundError:
        return None
    except UnreadableError as error:
        return Finding("index", name, str(error), "unreadable")
    except DamagedIndexError as error:
        return Finding("index", name, error.reason)
    except TypeError as error:
        return Finding("index", name, f"what it says of itself cannot be understood ({error})")
    problem = _compare(collection, files, index, held)
    return None if problem is None else Finding("index", name, problem)


def _compare(
    collection: CollectionStore, files: IndexFiles, index: VectorIndex, held: Coverage
) -> str | None:
    if not files.mine(held) or index.dim != files.dim:
        return "it belongs to another collection, or to this one before its catalog was rebuilt"
    if held.seq > collection.state.seq:
        collection.refresh()  # a writer saved it since
    if held.seq > collection.state.seq:
        return f"it is of commit {held.seq}, but the last one is {collection.state.seq}"
    if not is_of(collection.readings, held.seq, held.commit):
        return f"it is of another commit {held.seq} than this collection's"
    deleted = deleted_since(collection.readings, held.seq)
    revived = np.setdiff1d(revived_since(collection.readings, held.seq), deleted)
    # As every reader does it, who then adds what the index lacks.
    index, lacking = index.without(deleted).restored(revived)
    ids, live = index.ids(), live_ids(collection)
    expected = np.setdiff1d(np.intersect1d(live, _covered(collection, index, held)), lacking)
    lost, extra = np.setdiff1d(expected, ids), np.setdiff1d(ids, live)
    if len(lost) or len(extra):
        return f"it lacks {len(lost)} live images and has {len(extra)} that are not live"
    return _compare_vectors(collection, files, index)


def _covered(collection: CollectionStore, index: VectorIndex, held: Coverage) -> NDArray[np.int64]:
    """Ids that no reader adds to an index, because it counts their segment as known."""
    folder = os.path.join(collection.directory, segment_file.FOLDER)
    loaded = LoadedIndex(index, frozenset(held.segments), held.seq, upto=held.max_id)
    ids = [np.empty(0, np.int64)]
    for segment in collection.state.segments:
        if loaded.covers(segment):
            with suppress(CollectionError):  # reported with the segments
                ids.append(read_ids(folder, segment))
    return np.concatenate(ids)


def _compare_vectors(
    collection: CollectionStore, files: IndexFiles, index: VectorIndex
) -> str | None:
    folder = os.path.join(collection.directory, segment_file.FOLDER)
    ids = index.ids()
    for segment in collection.state.segments:
        try:
            own, rows = files.read_rows(folder, segment)
        except CollectionError:
            continue  # reported with the segments, and with the transforms
        keep = np.isin(own, ids)
        if keep.any() and not _same(index.vectors(own[keep]), rows[keep], files):
            return f"its vectors differ from those of segment {segment.name}"
    return None


def _same(held: NDArray[np.float32], rows: NDArray[np.float32], files: IndexFiles) -> bool:
    """Whether rows are those of the segments; what is worked out may differ by a rounding."""
    if files.derivation is None:
        return np.array_equal(held, rows)
    return np.allclose(held, rows, rtol=0, atol=_ROUNDING)
