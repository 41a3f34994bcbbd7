"""Parquet segments: what was computed, immutable and self-describing."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import DamagedError, SegmentGoneError, UnreadableError
from vitrail.indexer.files.durability import checksum, replacing
from vitrail.indexer.files.reading import read_bytes, reading
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.segments.image_rows import column_types, with_all_columns
from vitrail.indexer.segments.parquet import NotPlainError, read_column, read_footer
from vitrail.indexer.wording import first_line

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIX = ".parquet"
FOLDER = "segments"
META = b"vitrail"
_STAGED = re.compile(r"[0-9a-f]{16}-([0-9a-f]{16})\.parquet")
ALTERED = "its checksum is another than when it was written"


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


def new_name(token: str = "") -> str:
    """A file name that nothing else has; later ones sort after earlier ones.

    Args:
        token: 16 hex digits of the reservation that the segment is staged with, if any.
    """
    return f"{time.time_ns():016x}-{token or secrets.token_hex(3)}{SUFFIX}"


def token_of(name: str) -> str | None:
    """The reservation that a segment's file, whole or begun, is staged with."""
    match = _STAGED.match(name)
    return match[1] if match else None


def write_segment(
    folder: str, table: pa.Table, header: SegmentHeader, *, token: str = ""
) -> Segment:
    """Write a durable segment file.

    Args:
        folder: the collection's ``segments`` folder.
        table: as ``image_rows.images_table`` makes it.
        header: goes into the file's own metadata.
        token: of the reservation that it is staged with, if any.

    Raises:
        OSError: the disk is full or refuses.
    """
    import pyarrow.parquet as pq

    name = new_name(token)
    path = os.path.join(folder, name)
    table = table.replace_schema_metadata({META: header.to_json()})
    packed = [name for name in table.column_names if name in column_types() and name != "id"]
    with replacing(path) as temporary:
        # Vectors are noise to a compressor and to a dictionary: both only cost time. Ids stay plain
        # beside them, so that a query can read both without a Parquet library.
        compression = {
            leaf: "ZSTD" if leaf.split(".")[0] in packed else "NONE" for leaf in _leaves(table)
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
        FileNotFoundError: it is not there.
        UnreadableError: it cannot be read now.
        DamagedError: it is no segment, or a damaged one.
    """
    with _errors(path), open(path, "rb") as handle:
        try:
            return SegmentHeader.from_json(read_footer(handle).metadata[META])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("it does not say what it holds") from error


def read_table(
    path: str, columns: Sequence[str] | None = None, *, checksum: str | None = None
) -> pa.Table:
    """A segment's rows, pages checked against their checksums, with all of today's columns.

    Args:
        path: the segment.
        columns: just these, which it must have.
        checksum: sha256 (hex) that the file must have, where it is known: no page's checksum covers
            the footer, which says what the pages are.

    Raises:
        FileNotFoundError: it is not there.
        UnreadableError: it cannot be read now.
        DamagedError: it is no segment, or a damaged one.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _errors(path):
        data = read_bytes(path)  # by ourselves: Arrow does not tell a bad disk from a bad page
        if checksum is not None and sha256(data).hexdigest() != checksum:
            raise ValueError(ALTERED)
        try:
            table = pq.read_table(
                pa.BufferReader(data),
                columns=None if columns is None else list(columns),
                page_checksum_verification=True,
            )
        except (OSError, pa.ArrowException) as error:
            raise ValueError(str(error)) from error
        return with_all_columns(table) if columns is None else table


def read_segment(folder: str, segment: Segment) -> pa.Table:
    """A listed segment's rows, proven to be those that were written.

    Raises:
        SegmentGoneError: it is not in the folder.
        UnreadableError: it cannot be read now, or the folder is empty.
        DamagedError: it is another file than was written.
    """
    try:
        return read_table(os.path.join(folder, segment.name), checksum=segment.checksum)
    except FileNotFoundError as error:
        raise gone(folder, segment) from error


def read_ids(folder: str, segment: Segment) -> NDArray[np.int64]:
    """The ids of a listed segment: (n,) int64, ascending.

    Raises:
        SegmentGoneError: it is not in the folder.
        UnreadableError: it cannot be read now, or the folder is empty.
        DamagedError: it is no segment, or a damaged one.
    """
    path = os.path.join(folder, segment.name)
    try:
        with _errors(path), open(path, "rb") as handle:
            _check_size(handle, segment)
            try:
                ids = read_column(handle, read_footer(handle), "id", np.int64)
            except NotPlainError:
                table = read_table(path, ["id"], checksum=segment.checksum)
                ids = np.asarray(table["id"], np.int64)
            _check_ids(ids, segment)
            return ids
    except FileNotFoundError as error:
        raise gone(folder, segment) from error


def _check_size(handle: BinaryIO, segment: Segment) -> None:
    size = os.fstat(handle.fileno()).st_size
    if size != segment.bytes:
        raise ValueError(f"it has {size} bytes instead of {segment.bytes}")


def _check_ids(ids: NDArray[np.int64], segment: Segment) -> None:
    ends = [int(ids[0]), int(ids[-1])] if len(ids) else []
    if len(ids) != segment.rows or ends != [segment.min_id, segment.max_id]:
        raise ValueError(f"its ids are not the {segment.rows} that the catalog lists")


def read_vectors(
    folder: str, segment: Segment, space: str, dim: int, *, after: int = -1
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Ids above ``after`` and their vectors in one space: (n,) int64 and (n, dim) float32.

    All that is returned was compared with a checksum. A query's process need not load Arrow.

    Raises:
        SegmentGoneError: it is not in the folder.
        UnreadableError: it cannot be read now, or the folder is empty.
        DamagedError: it is no segment, or a damaged one.
    """
    path = os.path.join(folder, segment.name)
    try:
        with _errors(path):
            ids, rows = _read_vectors(path, segment, space, dim, after)
    except FileNotFoundError as error:
        raise gone(folder, segment) from error
    return ids, rows


def _read_vectors(
    path: str, segment: Segment, space: str, dim: int, after: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    with open(path, "rb") as handle:
        _check_size(handle, segment)
        try:
            footer = read_footer(handle)
            ids = read_column(handle, footer, "id", np.int64)
            start = int(np.searchsorted(ids, after, "right"))
            flat = read_column(handle, footer, space, np.float32, width=dim, skip=start)
        except NotPlainError:  # written before ids were plain, or by another version of Arrow
            table = read_table(path, ["id", space], checksum=segment.checksum)
            ids = np.asarray(table["id"], np.int64)
            start = int(np.searchsorted(ids, after, "right"))
            flat = np.asarray(table[space].combine_chunks().flatten(), np.float32)[start * dim :]
    _check_ids(ids, segment)
    return ids[start:], flat.reshape(-1, dim)


def gone(folder: str, segment: Segment) -> SegmentGoneError | UnreadableError:
    """Why a listed segment is not there: an empty folder is one that is not mounted."""
    if not found(folder):
        return away(folder)
    return SegmentGoneError(
        f"segment {segment.name} is missing", remedy="run `vitrail verify --repair`"
    )


def away(folder: str) -> UnreadableError:
    """Why none of the segments is there."""
    return UnreadableError(
        f"{folder} holds no segment, but the collection has some: mount its disk or put the files "
        "back, and run again; if they are lost, `vitrail verify --repair --segments-lost`"
    )


def found(folder: str) -> set[str]:
    """Names of the segment files in a folder; none where it is missing.

    Raises:
        UnreadableError: the folder cannot be read now.
    """
    try:
        with reading(folder):
            return {name for name in os.listdir(folder) if name.endswith(SUFFIX)}
    except FileNotFoundError:
        return set()


def merge_tables(
    folder: str, segments: Iterable[Segment], deleted: NDArray[np.int64]
) -> tuple[pa.Table, NDArray[np.int64]]:
    """Rows of several segments without the deleted ids (sorted or not, (m,) int64), by id.

    Returns:
        the rows, and (d,) int64 ids of those that were left out.

    Raises:
        SegmentGoneError: one of them is not in the folder.
        UnreadableError: one of them cannot be read now.
        DamagedError: one of them is damaged.
    """
    import pyarrow as pa

    tables = [read_segment(folder, segment) for segment in segments]
    table = pa.concat_tables(tables, promote_options="default")
    ids = np.asarray(table["id"], np.int64)
    keep = ~np.isin(ids, deleted)
    return table.filter(pa.array(keep)).sort_by("id"), ids[~keep]


@contextmanager
def _errors(path: str) -> Iterator[None]:
    try:
        with reading(path):
            yield
    except ValueError as error:
        line = first_line(error)
        raise DamagedError(
            f"segment {os.path.basename(path)} is damaged ({line})",
            remedy="run `vitrail verify --repair`",
        ) from error
