"""A collection as one file, and back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrail.indexer.catalog.annotations import load_incoming, merge_rows
from vitrail.indexer.catalog.decisions import DecisionCounts
from vitrail.indexer.catalog.exporting import exported_files, own_columns, read_versions
from vitrail.indexer.catalog.schema import FORMAT
from vitrail.indexer.collection.arrivals import OWN, ROWS, open_exported
from vitrail.indexer.collection.carried_spaces import SPACES, take_spaces, told_spaces
from vitrail.indexer.collection.deciding import DECISIONS, take_decisions, told_decisions
from vitrail.indexer.collection.plain_export import write_csv, write_json_lines
from vitrail.indexer.collection.retrying import at_newest
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import InputError
from vitrail.indexer.files.durability import disk_guard, replacing
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.image_columns import IMAGE_COLUMNS, RECIPE_COLUMNS, arrow_type
from vitrail.indexer.records import Batch, FileRecord, KnownFile
from vitrail.indexer.segments import segment_file
from vitrail.indexer.segments.image_rows import column_types
from vitrail.indexer.segments.segment_file import SegmentHeader, read_segment

if TYPE_CHECKING:
    import pyarrow as pa

_DERIVED = {"path": "VARCHAR", "label": "VARCHAR"} | RECIPE_COLUMNS


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import brought.

    Attributes:
        images: rows of the file.
        new: images that the collection did not have.
        files: paths that it did not know, or with which images came back.
        left_out: a path, if there is any, of each image that would have been here without a file:
            at all its paths this collection knows something else, or it was exported without one.
        kept: derived spaces that were fitted otherwise here, and stay as they are.
        decisions: about duplicates, that the collection lacked.
    """

    images: int
    new: int
    files: int
    left_out: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    decisions: DecisionCounts = field(default_factory=DecisionCounts)

    @property
    def known(self) -> int:
        """Images that the collection had already."""
        return self.images - self.new - len(self.left_out)


def export(
    collection: CollectionStore, path: str | os.PathLike[str], where: str | None = None
) -> int:
    """Write live images with files, metadata and the user's own columns; to Parquet, vectors too.

    Parquet (``.parquet``) has one row an image: its id, content hash, ``path`` (the first, for
    people), ``files`` (all, as bytes), metadata, recipe, ``annotation:NAME`` columns, and one
    column a space; ``import_into`` reads it back. CSV (``.csv``) and lines of JSON (``.jsonl``)
    have the columns that one can filter by.

    Args:
        collection: to write.
        path: a new file.
        where: a filter; just the images of which it is true.

    Returns:
        number of images written.

    Raises:
        InputError: ``path`` exists already, its folder does not, or it has another ending; the
            filter cannot be used, or there are no such images.
        CollectionError: a segment is damaged, or the disk is full.
    """
    path = os.path.abspath(os.fspath(path))
    write = _WRITERS.get(os.path.splitext(path)[1].lower())
    if write is None:
        raise InputError(
            f"{path} names no kind of file to export: end it in .parquet (everything, vectors "
            "too), .csv or .jsonl (what one can filter by)"
        )
    if os.path.exists(path):
        raise InputError(f"{path} exists already; name a new file")
    if not os.path.isdir(os.path.dirname(path)):
        raise InputError(f"there is no folder {os.path.dirname(path)} to export into")
    with disk_guard(os.path.dirname(path), 0), replacing(path) as temporary:
        count = at_newest(collection, lambda: write(collection, temporary, where))
        if not count:
            which = "" if where is None else " that pass the filter"
            raise InputError(f"{collection.directory} holds no images{which} to export")
        return count


def _write_parquet(collection: CollectionStore, path: str, where: str | None) -> int:
    import pyarrow.parquet as pq

    header = SegmentHeader(collection.fingerprint, FORMAT, collection.state.seq)
    meta = {segment_file.META: header.to_json()}
    if collection.state.derived or collection.state.chosen_weights:
        meta[SPACES] = told_spaces(collection)
    if decisions := collection.decisions():
        meta[DECISIONS] = told_decisions(decisions)
    writer: Any = None
    count = 0
    with open(path, "wb") as sink:  # Arrow itself takes no name that is not UTF-8
        try:
            for table in _tables(collection, where):
                table = table.replace_schema_metadata(meta)
                if writer is None:
                    writer = pq.ParquetWriter(
                        sink, table.schema, compression="zstd", write_page_checksum=True
                    )
                writer.write_table(table, row_group_size=ROWS)
                count += table.num_rows
        finally:
            if writer is not None:
                writer.close()
    return count


_WRITERS: dict[str, Callable[[CollectionStore, str, str | None], int]] = {
    ".parquet": _write_parquet,
    ".csv": write_csv,
    ".jsonl": write_json_lines,
}


def _tables(collection: CollectionStore, where: str | None) -> Iterator[pa.Table]:
    import pyarrow as pa

    folder = os.path.join(collection.directory, segment_file.FOLDER)
    live = collection.allowed_ids(where or "true")
    for segment in collection.state.segments:
        if not np.any((live >= segment.min_id) & (live <= segment.max_id)):
            continue
        table = read_segment(folder, segment)
        table = table.filter(pa.array(np.isin(np.asarray(table["id"]), live)))
        for start in range(0, table.num_rows, ROWS):
            yield _with_catalog(collection, table.slice(start, ROWS))


def _with_catalog(collection: CollectionStore, table: pa.Table) -> pa.Table:
    """The vectors of a segment with all that is known now, which may be more than it was then."""
    import pyarrow as pa

    ids = table["id"].to_pylist()
    rows = collection.metadata(ids)
    hashes = table["content_hash"].to_pylist()
    with collection.reading() as connection:
        own = own_columns(connection, hashes)
        versions, files = read_versions(connection, ids), exported_files(connection, ids)
    values: dict[str, list[Any]] = {
        column.name: [row[column.name] for row in rows] for column in IMAGE_COLUMNS if column.shown
    }
    values["recipe"] = [None if row.recipe is None else json.dumps(row.recipe) for row in rows]
    values["predictions"] = [
        [{"label": label, "score": score} for label, score in row.predictions] for row in rows
    ]
    values["read_version"] = [versions.get(i) for i in ids]
    values["files"] = [files[i] for i in ids]
    columns = {name: pa.array(values[name], kind) for name, kind in column_types().items()}
    columns |= {space: table[space] for space, _ in collection.fingerprint.spaces}
    for name, kind in _DERIVED.items():
        columns[name] = pa.array([row[name] for row in rows], arrow_type(kind))
    return pa.table(columns | {OWN + name: values for name, values in own.items()})


def read_fingerprint(path: str | os.PathLike[str]) -> Fingerprint:
    """The encoder that the vectors of an exported file come from.

    Raises:
        InputError: it is no exported collection.
    """
    with open_exported(path) as exported:
        return exported.fingerprint


def check_exported(path: str | os.PathLike[str]) -> Fingerprint:
    """Hold a whole exported file against what it must be, as ``import_into`` does.

    Returns:
        the encoder that its vectors come from.

    Raises:
        InputError: it is no exported collection, or a row of it cannot be taken.
    """
    with open_exported(path) as exported:
        for _ in exported.arrivals():
            pass
        return exported.fingerprint


def import_into(
    collection: CollectionStore, path: str | os.PathLike[str], *, checked: bool = False
) -> Imported:
    """Add an exported file's images to a collection of the same encoder; ids are new.

    The whole file is held against what it must be before anything of it is written. Images whose
    content is known already only gain the files they lack, and values of the user's own columns;
    paths that are known here stay as they are, unless their image was removed or waits, and comes
    back now. New images that are left without a file by that are left out. Derived spaces come
    along; one that is here already stays as it is. So do decisions about duplicates, all of them.

    Args:
        collection: open for writing.
        path: what ``export`` wrote, to Parquet.
        checked: whether ``check_exported`` has just been through it.

    Raises:
        InputError: it is no exported collection, or a row of it cannot be taken; nothing is
            imported then.
        FingerprintMismatchError: it is another encoder's.
        CollectionError: the collection is not open for writing, or the disk is full.
    """
    import pyarrow as pa

    collection.check(read_fingerprint(path))
    if not checked:
        check_exported(path)
    known, live = collection.known_files(), collection.content_hashes()
    before, files = len(collection), 0
    own: list[pa.Table] = []
    hashes: list[str] = []
    count, left_out = 0, []
    with open_exported(path) as exported:
        collection.check(exported.fingerprint)
        told, decisions = exported.spaces, exported.decisions
        for arrival in exported.arrivals():
            new = [file for file in arrival.files if _is_wanted(file, known.get(file.path), live)]
            held = {file.content_hash for file in new}
            contents = [image.content_hash for image in arrival.images]
            taken = [content in held or content in live for content in contents]
            collection.commit(Batch(arrival.images, new))
            count += len(taken)
            files += len(new)
            paths = {file.content_hash: file.path for file in reversed(arrival.files)}
            left_out += [paths.get(c, "") for c, k in zip(contents, taken, strict=True) if not k]
            if arrival.own.num_columns:
                own.append(arrival.own.filter(pa.array(taken, pa.bool_())))
            hashes += compress(contents, taken)
    _annotate(collection, hashes, own)
    kept = take_spaces(collection, told)
    decided = take_decisions(collection, decisions)
    return Imported(count, len(collection) - before, files, tuple(left_out), kept, decided)


def _is_wanted(file: FileRecord, known: KnownFile | None, live: frozenset[str]) -> bool:
    """Whether an exported path is taken: a new one, or one with which its image comes back."""
    if known is None:
        return True
    back = known.state in ("removed", "waiting") and file.content_hash not in live
    return back and known.content_hash == file.content_hash


def _annotate(collection: CollectionStore, hashes: list[str], own: list[pa.Table]) -> None:
    """All at once: each time writes the whole table of annotations anew."""
    import pyarrow as pa

    if own:
        with collection.transaction("import") as transaction:
            table = pa.concat_tables(own, promote_options="permissive")
            merge_rows(transaction, hashes, load_incoming(transaction, table), keep=True)
