"""What a collection holds, in numbers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vitrail.indexer.catalog.columns import annotation_columns
from vitrail.indexer.catalog.counts import read_counts
from vitrail.indexer.catalog.departures import read_waiting
from vitrail.indexer.catalog.roots import MOUNTS, KnownRoot, read_roots
from vitrail.indexer.catalog.state import State
from vitrail.indexer.collection import transforms
from vitrail.indexer.collection.collection_info import (
    CollectionInfo,
    RootInfo,
    SpaceInfo,
    WaitingInfo,
)
from vitrail.indexer.collection.current_indexes import CurrentIndexes
from vitrail.indexer.collection.maintenance import grace_days
from vitrail.indexer.collection.readings import Readings
from vitrail.indexer.collection.siblings import read_siblings
from vitrail.indexer.paths import display, raw

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def describe_collection(
    directory: str, readings: Readings, indexes: CurrentIndexes
) -> CollectionInfo:
    """Counts, spaces, fingerprint, sizes on disk and indexes."""
    state = readings.state
    with readings.reading() as connection:
        counts = read_counts(connection)
        own = annotation_columns(connection)
        waiting = _waiting(connection)
        roots = tuple(_root(root) for root in read_roots(connection))
    return CollectionInfo(
        directory=directory,
        format=state.format,
        created_at=state.created_at,
        fingerprint=state.fingerprint.digest,
        checkpoint=state.fingerprint.checkpoint,
        encoder=state.fingerprint.describe(),
        siblings=read_siblings(directory, state.fingerprint),
        images=state.images,
        deleted=state.deletions,
        files=counts["files"],
        missing_files=counts["missing_files"],
        rejects=counts["rejects"],
        generated=counts["generated"],
        classified=counts["classified"],
        commits=counts["commits"],
        waiting=waiting,
        roots=roots,
        segments=len(state.segments),
        annotations=own,
        spaces={space: _space(directory, indexes, state, space) for space in state.spaces},
        bytes=_sizes(directory),
    )


def _waiting(connection: DuckDBPyConnection) -> WaitingInfo:
    waiting, days = read_waiting(connection), grace_days(connection)
    return WaitingInfo(waiting.images, days, waiting.until(days))


def _root(root: KnownRoot) -> RootInfo:
    return RootInfo(
        path=display(root.path),
        path_raw=raw(root.path),
        options={key: value for key, value in root.options.items() if key != MOUNTS},
        first_seen=root.first_seen,
        last_indexed=root.last_indexed,
    )


def _space(directory: str, indexes: CurrentIndexes, state: State, space: str) -> SpaceInfo:
    files = indexes.files(space, state)
    held = files.coverage()
    derived = next((one for one in state.derived if one.name == space), None)
    paths = [files.path(generation) for generation in files.generations()]
    if derived is not None:
        paths.append(transforms.path_of(directory, derived))
    return SpaceInfo(
        dim=files.dim,
        index=None if held is None else held.kind,
        indexed=0 if held is None else held.rows,
        checks=files.checks(),
        checked=indexes.checked(space),
        base=None if derived is None else derived.base,
        fitted_rows=0 if derived is None else derived.fitted_rows,
        share=state.default_weights.get(space, 0.0),
        bytes=sum(os.path.getsize(path) for path in paths if os.path.exists(path)),
    )


def _sizes(directory: str) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for entry in os.scandir(directory):
        sizes[entry.name] = tree_bytes(entry.path) if entry.is_dir() else entry.stat().st_size
    return sizes | {"total": sum(sizes.values())}


def tree_bytes(directory: str) -> int:
    """Bytes of all files below a directory."""
    return sum(
        os.lstat(os.path.join(folder, name)).st_size
        for folder, _, names in os.walk(directory)
        for name in names
    )
