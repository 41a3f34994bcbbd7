"""A collection as one Parquet file, and back."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.catalog.annotations import merge_rows
from indexer.catalog.columns import annotation_columns
from indexer.catalog.schema import FORMAT, RECIPE_COLUMNS
from indexer.collection.collection import Collection
from indexer.collection.retrying import at_newest
from indexer.encoders.base import Fingerprint
from indexer.errors import DamagedError, InputError
from indexer.paths import original
from indexer.records import Batch, FileRecord, ImageRecord
from indexer.store import segments
from indexer.store.durability import disk_guard, replacing
from indexer.store.image_rows import column_types, image_records
from indexer.store.segments import SegmentHeader, read_header, read_segment

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 1024  # images a row group, and a commit when read back
_OWN = "annotation:"  # before the name of a user's own column
_DERIVED = ("path", "label", *RECIPE_COLUMNS)


def export(collection: Collection, path: str | os.PathLike[str]) -> int:
    """Write all live images with files, metadata, the user's own columns and vectors.

    The file has one row an image: its id, content hash, ``path`` (the first, for people), ``files``
    (all, as bytes), metadata, recipe, ``annotation:NAME`` columns, and one column a space.

    Returns:
        number of images written.

    Raises:
        InputError: ``path`` exists already or its folder does not.
        CollectionError: a segment is damaged, or the disk is full.
    """
    path = os.path.abspath(os.fspath(path))
    if os.path.exists(path):
        raise InputError(f"{path} exists already; name a new file")
    if not os.path.isdir(os.path.dirname(path)):
        raise InputError(f"there is no folder {os.path.dirname(path)} to export into")
    with disk_guard(os.path.dirname(path), 0), replacing(path) as temporary:
        return at_newest(collection, lambda: _write(collection, temporary))


def _write(collection: Collection, path: str) -> int:
    import pyarrow.parquet as pq

    header = SegmentHeader(collection.fingerprint, FORMAT, collection.state.seq)
    writer: Any = None
    count = 0
    try:
        for table in _tables(collection):
            table = table.replace_schema_metadata({segments.META: header.to_json()})
            if writer is None:
                writer = pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table, row_group_size=_ROWS)
            count += table.num_rows
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        raise InputError(f"{collection.directory} holds no images to export")
    return count


def _tables(collection: Collection) -> Iterator[pa.Table]:
    import pyarrow as pa

    folder = os.path.join(collection.directory, segments.FOLDER)
    deleted = collection.indexes.deleted_since(-1)
    for segment in collection.state.segments:
        table = read_segment(folder, segment)
        table = table.filter(pa.array(~np.isin(np.asarray(table["id"]), deleted)))
        for start in range(0, table.num_rows, _ROWS):
            yield _with_catalog(collection, table.slice(start, _ROWS))


def _with_catalog(collection: Collection, table: pa.Table) -> pa.Table:
    """Replace the paths of then by those of now, and add what only the catalog knows."""
    import pyarrow as pa

    ids = table["id"].to_pylist()
    rows = collection.metadata(ids)
    files = _files(collection, ids)
    column = pa.array([files[i] for i in ids], column_types()["files"])
    table = table.set_column(table.column_names.index("files"), "files", column)
    kinds = {"seed": pa.uint64(), "steps": pa.int32(), "guidance": pa.float64()}
    for name in _DERIVED:
        values = [row[name] for row in rows]
        table = table.append_column(name, pa.array(values, kinds.get(name, pa.string())))
    with collection.reading() as connection:
        if annotation_columns(connection):
            own: Any = connection.sql(
                "SELECT a.* EXCLUDE (content_hash) FROM "
                "(SELECT unnest(?::VARCHAR[]) AS content_hash,"
                " generate_subscripts(?::VARCHAR[], 1) AS n) h LEFT JOIN annotations a "
                "USING (content_hash) ORDER BY n",
                params=[table["content_hash"].to_pylist()] * 2,
            ).to_arrow_table()
            for name in own.column_names:
                table = table.append_column(_OWN + name, own[name])
    return table


def _files(collection: Collection, ids: list[int]) -> dict[int, list[dict[str, Any]]]:
    with collection.reading() as connection:
        rows = connection.execute(
            "SELECT image_id, path, path_raw, size, mtime_ns, label FROM files "
            "WHERE image_id IN (SELECT unnest(?::BIGINT[])) ORDER BY missing, path",
            [ids],
        ).fetchall()
    files: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for image_id, text, data, size, mtime_ns, label in rows:
        path = os.fsencode(original(text, data))
        files[image_id].append({"path": path, "size": size, "mtime_ns": mtime_ns, "label": label})
    return files


def read_fingerprint(path: str | os.PathLike[str]) -> Fingerprint:
    """The encoder that the vectors of an exported file come from.

    Raises:
        InputError: it is no exported collection.
    """
    try:
        return read_header(os.fspath(path)).fingerprint
    except (DamagedError, FileNotFoundError) as error:
        raise InputError(f"{path} is no exported collection, or is damaged") from error


def import_into(collection: Collection, path: str | os.PathLike[str]) -> int:
    """Add an exported file's images to a collection of the same encoder; ids are new.

    Images whose content is known already only gain the files they lack.

    Returns:
        number of images in the file.

    Raises:
        InputError: it is no exported collection.
        FingerprintMismatchError: it is another encoder's.
        CollectionError: the collection is not open for writing, or the disk is full.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    collection.check(read_fingerprint(path))
    count = 0
    try:
        with pq.ParquetFile(os.fspath(path), page_checksum_verification=True) as file:
            for record_batch in file.iter_batches(batch_size=_ROWS):
                table = pa.Table.from_batches([record_batch])
                images = image_records(table, collection.fingerprint.spaces)
                collection.commit(Batch(images, list(_file_records(table, images))))
                _annotate(collection, table)
                count += table.num_rows
    except (pa.ArrowException, OSError, KeyError) as error:
        raise InputError(
            f"{path} is damaged after {count} images, which were imported: {error}"
        ) from error
    return count


def _file_records(table: pa.Table, images: list[ImageRecord]) -> Iterator[FileRecord]:
    for image, listed in zip(images, table["files"].to_pylist(), strict=True):
        for file in listed:
            yield FileRecord(
                path=os.fsdecode(file["path"]),
                size=file["size"],
                mtime_ns=file["mtime_ns"],
                content_hash=image.content_hash,
                label=file["label"],
            )


def _annotate(collection: Collection, table: pa.Table) -> None:
    names = [name for name in table.column_names if name.startswith(_OWN)]
    if not names:
        return
    own = table.select(names).rename_columns([name.removeprefix(_OWN) for name in names])
    with collection.transaction("import") as transaction:
        transaction.connection.register("arriving", own)
        transaction.run(
            "CREATE OR REPLACE TEMP TABLE incoming AS "
            "SELECT row_number() OVER () AS __row, * FROM arriving"
        )
        transaction.connection.unregister("arriving")
        found = transaction.rows("PRAGMA table_info('incoming')")
        columns = {row[1]: row[2] for row in found if row[1] != "__row"}
        merge_rows(transaction, table["content_hash"].to_pylist(), columns)
