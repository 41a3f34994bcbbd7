"""Parquet segments: what was computed, immutable and self-describing."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.encoders.base import Fingerprint
from indexer.errors import CollectionError
from indexer.store.durability import TEMPORARY, checksum, replacing, sync_directory
from indexer.store.image_rows import column_types, with_all_columns

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIX = ".parquet"
FOLDER = "segments"
META = b"vitrail"
_DAMAGED = "segment {name} is damaged ({problem}); run `vitrail verify --repair`"


@dataclass(frozen=True, slots=True)
class Segment:
    """One live segment, as the catalog lists it.

    Attributes:
        name: file name inside the collection's ``segments`` folder; names sort by age.
        rows: images in it.
        bytes: size of the file.
        checksum: sha256 (hex) of the file.
        min_id: smallest image id in it.
        max_id: largest image id in it.
    """

    name: str
    rows: int
    bytes: int
    checksum: str
    min_id: int
    max_id: int


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What a segment says about itself.

    Attributes:
        fingerprint: the encoder that made its vectors.
        format: the collection format it was written in.
        seq: the commit it belongs to.
        replaces: names of the segments that were merged into it.
    """

    fingerprint: Fingerprint
    format: int
    seq: int
    replaces: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """One line of JSON."""
        return json.dumps(
            {
                "fingerprint": json.loads(self.fingerprint.to_json()),
                "format": self.format,
                "seq": self.seq,
                "replaces": list(self.replaces),
            }
        ).encode()

    @classmethod
    def from_json(cls, text: bytes) -> SegmentHeader:
        """Read what ``to_json`` wrote."""
        raw = json.loads(text)
        return cls(
            fingerprint=Fingerprint.from_json(json.dumps(raw["fingerprint"])),
            format=int(raw["format"]),
            seq=int(raw["seq"]),
            replaces=tuple(raw["replaces"]),
        )


def new_name() -> str:
    """A file name that nothing else has; later ones sort after earlier ones."""
    return f"{time.time_ns():016x}-{secrets.token_hex(3)}{SUFFIX}"


def write_segment(folder: str, table: pa.Table, header: SegmentHeader) -> Segment:
    """Write a durable segment file.

    Args:
        folder: the collection's ``segments`` folder.
        table: as ``image_rows.images_table`` makes it.
        header: goes into the file's own metadata.

    Raises:
        OSError: the disk is full or refuses.
    """
    import pyarrow.parquet as pq

    name = new_name()
    path = os.path.join(folder, name)
    table = table.replace_schema_metadata({META: header.to_json()})
    plain = [column for column in table.column_names if column in column_types()]
    with replacing(path) as temporary:
        # Vectors are noise to a compressor and to a dictionary: both only cost time.
        compression = {
            leaf: "ZSTD" if leaf.split(".")[0] in plain else "NONE" for leaf in _leaves(table)
        }
        pq.write_table(
            table,
            temporary,
            compression=compression,
            use_dictionary=False,
            write_statistics=["id"],
            write_page_checksum=True,
            store_schema=True,
        )
    ids = np.asarray(table["id"])
    return Segment(
        name=name,
        rows=len(ids),
        bytes=os.path.getsize(path),
        checksum=checksum(path),
        min_id=int(ids.min()),
        max_id=int(ids.max()),
    )


def _leaves(table: pa.Table) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table.slice(0, 0), sink)
    schema = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    return [schema.column(i).path for i in range(len(schema))]


def read_header(path: str) -> SegmentHeader:
    """What a segment file says about itself.

    Raises:
        CollectionError: it is no readable segment.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return SegmentHeader.from_json(pq.read_schema(path).metadata[META])
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error


def read_table(path: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A segment's rows, pages checked against their checksums, with all of today's columns.

    Args:
        path: the segment.
        columns: just these, which it must have.

    Raises:
        CollectionError: it is no readable segment.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(
            path,
            columns=None if columns is None else list(columns),
            page_checksum_verification=True,
            memory_map=False,
            partitioning=None,
        )
        return with_all_columns(table) if columns is None else table
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error


def read_vectors(
    path: str, space: str, dim: int, *, after: int = -1
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Ids above ``after`` and their vectors in one space: (n,) int64 and (n, dim) float32.

    Reads through DuckDB: a query's process need not load Arrow.

    Raises:
        CollectionError: it is no readable segment.
    """
    import duckdb

    from indexer.catalog.schema import quote

    source = "FROM read_parquet(?) WHERE id > ?"
    try:
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET preserve_insertion_order = true")
            ids = connection.execute(f"SELECT id {source}", [path, after]).fetchnumpy()["id"]
            flat = connection.execute(
                f"SELECT unnest({quote(space)}) AS v {source}", [path, after]
            ).fetchnumpy()["v"]
    except duckdb.Error as error:
        raise _damaged(path, error) from error
    rows = np.ascontiguousarray(np.ma.getdata(flat), np.float32)
    if rows.size != len(ids) * dim:
        raise _damaged(path, ValueError(f"{rows.size} numbers for {len(ids)} rows of {dim}"))
    return np.ascontiguousarray(np.ma.getdata(ids), np.int64), rows.reshape(-1, dim)


def merge_tables(paths: Iterable[str], deleted: NDArray[np.int64]) -> pa.Table:
    """Rows of several segments without the deleted ids (sorted or not, (m,) int64), by id.

    Raises:
        CollectionError: one of them is no readable segment.
    """
    import pyarrow as pa

    table = pa.concat_tables([read_table(path) for path in paths], promote_options="default")
    keep = ~np.isin(np.asarray(table["id"]), deleted)
    return table.filter(pa.array(keep)).sort_by("id")


def sweep(folder: str, live: Iterable[str]) -> list[str]:
    """Delete files of a ``segments`` folder that no commit lists, and return their names."""
    keep = set(live)
    orphans = [
        entry.name
        for entry in os.scandir(folder)
        if entry.is_file(follow_symlinks=False)
        and entry.name.endswith((SUFFIX, TEMPORARY))
        and entry.name not in keep
    ]
    for name in orphans:
        os.unlink(os.path.join(folder, name))
    if orphans:
        sync_directory(folder)
    return orphans


def _damaged(path: str, problem: BaseException) -> CollectionError:
    line = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
    return CollectionError(_DAMAGED.format(name=os.path.basename(path), problem=line))
