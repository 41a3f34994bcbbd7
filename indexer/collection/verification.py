"""Whether segments, catalog, indexes and the files on disk agree."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from indexer.catalog import catalog as catalogs
from indexer.catalog.schema import TABLES
from indexer.collection.collection import Collection
from indexer.collection.layout import is_collection
from indexer.errors import CollectionError, DamagedIndexError
from indexer.paths import display, original
from indexer.store import segments
from indexer.store.durability import checksum
from indexer.store.segments import Segment, read_header, read_vectors
from indexer.vectors.indexes import Coverage, IndexFiles

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from indexer.vectors.index import VectorIndex

Part = Literal["catalog", "segment", "index", "file"]
_LIVE = "FROM images i ANTI JOIN deletions d ON d.image_id = i.id"
_RULES = {
    "two live images have the same id": f"SELECT id {_LIVE} GROUP BY id HAVING count(*) > 1",
    "two live images have the same content": f"SELECT min(id) {_LIVE} "
    "GROUP BY content_hash HAVING count(*) > 1",
    "a file belongs to no image": "SELECT path FROM files ANTI JOIN images ON id = image_id "
    "ANTI JOIN deletions d ON d.image_id = files.image_id",
    "a file and its image differ in content": "SELECT path FROM files f JOIN images i "
    "ON i.id = f.image_id WHERE f.content_hash <> i.content_hash",
    "a path is listed twice": "SELECT path FROM files GROUP BY path, path_raw HAVING count(*) > 1",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        part: what it is about; findings about a ``file`` on disk are put right by indexing again.
        file: its name.
        problem: one line for people.
    """

    part: Part
    file: str
    problem: str


@dataclass(frozen=True, slots=True)
class Report:
    """What ``verify`` found.

    Attributes:
        findings: all of them, the collection's own first.
        images: live images looked at.
        segments: segments looked at.
        files: files on disk looked at.
    """

    findings: tuple[Finding, ...]
    images: int
    segments: int
    files: int

    @property
    def damage(self) -> tuple[Finding, ...]:
        """Findings about the collection itself, which ``repair`` mends."""
        return tuple(finding for finding in self.findings if finding.part != "file")

    @property
    def clean(self) -> bool:
        """Whether the collection is undamaged; files changed on disk since do not count."""
        return not self.damage


def verify(directory: str | os.PathLike[str]) -> Report:
    """Compare segments, catalog, indexes and files on disk; changes nothing.

    Raises:
        CollectionError: there is no collection, or it is of a newer format.
    """
    directory = os.path.abspath(os.fspath(directory))
    if not is_collection(directory):
        raise CollectionError(f"there is no collection at {directory}; make one with vitrail index")
    problem = catalog_problem(directory)
    if problem is not None:
        return Report((Finding("catalog", catalogs.FILE, problem),), 0, 0, 0)
    with Collection.open(directory) as collection:
        findings = [*_catalog(collection), *check_segments(collection), *check_indexes(collection)]
        on_disk, count = _files(collection)
        state = collection.state
        return Report((*findings, *on_disk), state.images, len(state.segments), count)


def catalog_problem(directory: str) -> str | None:
    """Why the catalog cannot be used, or ``None``; reads all of it.

    Raises:
        CollectionError: it is of a newer format, which is no damage.
    """
    path = os.path.join(directory, catalogs.FILE)
    if not os.path.exists(path):
        return "the catalog is missing"
    try:
        with Collection.open(directory) as collection, collection.reading() as connection:
            for table in TABLES:
                connection.execute(f"SELECT bit_xor(hash(t)) FROM {table} t").fetchall()
    except CollectionError as error:
        if "upgrade vitrail" in str(error):
            raise
        return str(error).split("; run")[0]
    return None


def _catalog(collection: Collection) -> Iterator[Finding]:
    with collection.reading() as connection:
        for rule, sql in _RULES.items():
            rows = connection.execute(sql).fetchall()
            if rows:
                problem = f"{rule}: {rows[0][0]} ({len(rows)} in all)"
                yield Finding("catalog", catalogs.FILE, problem)


def check_segments(collection: Collection) -> Iterator[Finding]:
    """Compare each segment with its checksum and with the catalog."""
    folder = os.path.join(collection.directory, segments.FOLDER)
    with collection.reading() as connection:
        rows = connection.execute(f"SELECT i.id {_LIVE} ORDER BY i.id").fetchnumpy()["id"]
    live = np.asarray(np.ma.getdata(rows), np.int64)
    covered = np.zeros(len(live), bool)
    for segment in collection.state.segments:
        problem = segment_problem(folder, segment, collection)
        if problem is not None:
            yield Finding("segment", segment.name, problem)
        covered |= (live >= segment.min_id) & (live <= segment.max_id)
        if problem is None:
            yield from _segment_ids(collection, folder, segment, live)
    if not covered.all():
        count = int((~covered).sum())
        yield Finding("catalog", catalogs.FILE, f"{count} live images are in no segment")


def segment_problem(folder: str, segment: Segment, collection: Collection) -> str | None:
    """Why a listed segment cannot be trusted, or ``None``."""
    path = os.path.join(folder, segment.name)
    try:
        size = os.path.getsize(path)
        if size != segment.bytes:
            return f"it has {size} bytes instead of {segment.bytes}"
        if checksum(path) != segment.checksum:
            return "its checksum is another than when it was written"
        if read_header(path).fingerprint.digest != collection.fingerprint.digest:
            return "it was made by another encoder"
    except FileNotFoundError:
        return "it is missing"
    except (OSError, CollectionError) as error:
        return str(error)
    return None


def _segment_ids(
    collection: Collection, folder: str, segment: Segment, live: NDArray[np.int64]
) -> Iterator[Finding]:
    space, dim = collection.fingerprint.spaces[0]
    ids, _ = read_vectors(os.path.join(folder, segment.name), space, dim)
    expected = live[(live >= segment.min_id) & (live <= segment.max_id)]
    missing = np.setdiff1d(expected, ids)
    if len(missing):
        problem = f"it lacks {len(missing)} live images, such as id {missing[0]}"
        yield Finding("segment", segment.name, problem)


def check_indexes(collection: Collection) -> Iterator[Finding]:
    """Compare each space's newest index file with the segments."""
    for space in collection.spaces:
        files = collection.indexes.files(space)
        generations = files.generations()
        if not generations:
            continue  # a cache that is made when it pays
        problem = index_problem(collection, files, generations[0])
        if problem is not None:
            name = os.path.basename(files.path(generations[0]))
            yield Finding("index", name, problem)


def index_problem(collection: Collection, files: IndexFiles, generation: int) -> str | None:
    """Why an index file cannot be trusted, or ``None``."""
    from indexer.vectors.index import VectorIndex

    try:
        index, meta = VectorIndex.load(files.path(generation), verify=True)
        held = Coverage(**meta)
    except (DamagedIndexError, OSError, TypeError) as error:
        return str(error)
    if not files.mine(held) or index.dim != files.dim:
        return "it belongs to another collection, or to this one before its catalog was rebuilt"
    if held.seq > collection.state.seq:
        return f"it is of commit {held.seq}, but the last one is {collection.state.seq}"
    return _vectors_problem(collection, files, index, held)


def _vectors_problem(
    collection: Collection, files: IndexFiles, index: VectorIndex, held: Coverage
) -> str | None:
    folder = os.path.join(collection.directory, segments.FOLDER)
    deleted = collection.indexes.deleted_since(held.seq)
    revived = np.setdiff1d(collection.indexes.revived_since(held.seq), deleted)
    lacking = index.reveal(revived[revived <= held.max_id])  # a reader takes them from segments
    index.hide(deleted)
    ids = index.ids()
    with collection.reading() as connection:
        live = np.setdiff1d(_live_up_to(connection, held.max_id), lacking)
    if not np.array_equal(ids, live):
        lacking, extra = np.setdiff1d(live, ids), np.setdiff1d(ids, live)
        return f"it lacks {len(lacking)} live images and has {len(extra)} that are not live"
    for segment in collection.state.segments:
        try:
            own, rows = read_vectors(os.path.join(folder, segment.name), files.space, files.dim)
        except CollectionError:
            continue  # reported with the segments
        keep = np.isin(own, ids)
        if keep.any() and not np.array_equal(index.vectors(own[keep]), rows[keep]):
            return f"its vectors differ from those of segment {segment.name}"
    return None


def _live_up_to(connection: DuckDBPyConnection, max_id: int) -> NDArray[np.int64]:
    rows = connection.execute(
        f"SELECT i.id {_LIVE} WHERE i.id <= ? ORDER BY i.id", [max_id]
    ).fetchnumpy()["id"]
    return np.asarray(np.ma.getdata(rows), np.int64)


def _files(collection: Collection) -> tuple[list[Finding], int]:
    """Files that are gone or changed on disk since they were indexed."""
    with collection.reading() as connection:
        rows = connection.execute(
            "SELECT path, path_raw, size, mtime_ns FROM files WHERE NOT missing ORDER BY path"
        ).fetchall()
    findings = []
    for text, data, size, mtime_ns in rows:
        path = original(text, data)
        try:
            status = os.stat(path)
        except OSError:
            findings.append(Finding("file", display(path), "gone from disk; index again"))
            continue
        if (status.st_size, status.st_mtime_ns) != (size, mtime_ns):
            findings.append(Finding("file", display(path), "changed on disk; index again"))
    return findings, len(rows)
