"""An exported file, held against all that an import relies on before anything is written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.own_columns import check_names, plain_column
from vitrail.indexer.catalog.schema import FORMAT
from vitrail.indexer.catalog.tables import foreign
from vitrail.indexer.collection.arrival_rows import check_values, first_repeated, unit_vectors
from vitrail.indexer.collection.carried_spaces import carried_spaces
from vitrail.indexer.collection.deciding import carried_decisions
from vitrail.indexer.errors import InputError
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.image_columns import IMAGE_COLUMNS
from vitrail.indexer.records import FileRecord, ImageRecord
from vitrail.indexer.segments import segment_file
from vitrail.indexer.segments.image_rows import column_types, image_records
from vitrail.indexer.segments.parquet import BYTES, Footer, read_footer
from vitrail.indexer.segments.segment_file import SegmentHeader
from vitrail.indexer.wording import in_one_line

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 1024  # images read, checked and committed together
OWN = "annotation:"  # before the name of a user's own column
_NEEDED = (
    *(column.name for column in IMAGE_COLUMNS if column.needed and column.name != "id"),
    *("files", "predictions"),
)
_MOST_COLUMNS = 2000
_MOST_VALUES = 1 << 20  # in lists of one row, on average: what a few bytes can claim to hold
_LONGEST_CHECKPOINT = 4096


@dataclass(frozen=True, slots=True)
class Arrival:
    """Some rows of an exported file, checked.

    Attributes:
        images: one a row.
        files: of all these images.
        own: the user's own columns, by the images' order.
    """

    images: list[ImageRecord]
    files: list[FileRecord]
    own: pa.Table


@dataclass(slots=True)
class _Seen:
    """What may be there only once in a file."""

    hashes: set[bytes] = field(default_factory=set)
    paths: set[bytes] = field(default_factory=set)


class ExportedFile:
    """An exported collection, open for reading.

    Args:
        path: for messages.
        file: Parquet, positioned anywhere.
        rows: how many to read at a time.

    Raises:
        InputError: its header or its columns are none of an exported collection's.
    """

    def __init__(self, path: str, file: Any, rows: int) -> None:
        self.path = path
        self._file, self._rows = file, rows
        with foreign(path):
            self.fingerprint = _fingerprint(file.schema_arrow, path)
            self.spaces = carried_spaces(file.schema_arrow.metadata, self.fingerprint, path)
            self.decisions = carried_decisions(file.schema_arrow.metadata, path)
            self._names = self._checked_names()

    def arrivals(self) -> Iterator[Arrival]:
        """All rows, in order; each is checked before it is given.

        Raises:
            InputError: names the first row and column that cannot be taken.
        """
        import pyarrow as pa

        seen, start = _Seen(), 0
        with foreign(self.path):
            for batch in self._file.iter_batches(batch_size=self._rows, columns=self._names):
                table = pa.Table.from_batches([batch])
                yield self._arrival(table, start, seen)
                start += table.num_rows

    def _arrival(self, table: pa.Table, start: int, seen: _Seen) -> Arrival:
        import pyarrow as pa

        own = [name for name in table.column_names if name.startswith(OWN)]
        kinds = column_types()
        columns = {
            name: self._typed(table, name, kind, start)
            for name, kind in kinds.items()
            if name in table.column_names
        }
        plain = pa.table(columns)
        check_values(plain, self._source(start))
        hashes = [bytes.fromhex(text) for text in plain["content_hash"].to_pylist()]
        paths = [[f["path"] for f in listed] for listed in plain["files"].to_pylist()]
        first_repeated(hashes, seen.hashes, "content_hash", self._source(start))
        for row, held in enumerate(paths):
            first_repeated(held, seen.paths, "files", self._source(start + row))
        vectors = {
            space: unit_vectors(table[space], dim, space, self._source(start))
            for space, dim in self.fingerprint.spaces
        }
        for space, rows in vectors.items():
            flat = pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])
            plain = plain.append_column(space, flat)
        images = image_records(plain, self.fingerprint.spaces)
        named = {name.removeprefix(OWN): table[name] for name in own}
        return Arrival(
            images=images,
            files=list(_files(plain, images)),
            own=pa.table(
                {name: plain_column(column, name, self.path) for name, column in named.items()}
            ),
        )

    def _typed(self, table: pa.Table, name: str, kind: Any, start: int) -> Any:
        """A column as the type that exports have; other programs write others that are as good."""
        import pyarrow as pa

        column = table[name]
        try:
            column.validate(full=True)
            return column.cast(kind)
        except (pa.ArrowException, UnicodeError) as error:
            line = in_one_line(error)
            raise InputError(
                f"{self.path} rows {start + 1} to {start + len(table)}, column {name!r}: {line}; "
                f"{kind} is expected, and nothing was imported"
            ) from error

    def _source(self, start: int) -> tuple[str, int]:
        return self.path, start

    def _checked_names(self) -> list[str]:
        """The columns to read, which are there once and can be a collection's."""
        names = list(self._file.schema_arrow.names)
        if len(names) > _MOST_COLUMNS:
            raise InputError(
                f"{self.path} has {len(names):,} columns; {_MOST_COLUMNS:,} are the most"
            )
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise InputError(f"{self.path} has the column {twice[0]!r:.100} twice")
        spaces = [space for space, _ in self.fingerprint.spaces]
        missing = [name for name in (*_NEEDED, *spaces) if name not in names]
        if missing:
            raise InputError(
                f"{self.path} has no column {missing[0]!r}, which an exported collection has"
            )
        own = [name for name in names if name.startswith(OWN)]
        check_names([name.removeprefix(OWN) for name in own], self.path)
        read = {*column_types(), *spaces, *own}
        return [name for name in names if name in read]


def _rows_at_once(footer: Footer, path: str) -> int:
    """Fewer where values are large, which a dictionary can repeat for nothing.

    Raises:
        InputError: a column claims to hold more values than rows can have.
    """
    chunks = [chunk for group in footer.groups for chunk in group]
    for chunk in chunks:
        if not 0 <= chunk.values <= _MOST_VALUES * max(1, footer.rows):
            raise InputError(
                f"{path}: column {chunk.name!r:.100} claims to hold {chunk.values:,} values in "
                f"{footer.rows:,} rows"
            )
    largest = max((chunk.unpacked for chunk in chunks if chunk.kind == BYTES), default=1)
    return int(min(ROWS, max(16, (1 << 30) // max(1, largest))))


@contextmanager
def open_exported(path: str | os.PathLike[str]) -> Iterator[ExportedFile]:
    """Open an exported collection.

    Raises:
        InputError: there is none, or it is damaged or something else.
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise InputError(f"there is no file {path} to import")
    import pyarrow as pa
    import pyarrow.parquet as pq

    with ExitStack() as stack:
        try:
            # Arrow itself takes no name that is not UTF-8.
            handle = stack.enter_context(open(path, "rb"))
            # By our own reader first: Arrow's ends the process where a footer is not sound.
            rows = _rows_at_once(read_footer(handle), path)
            handle.seek(0)
            file = stack.enter_context(pq.ParquetFile(handle, page_checksum_verification=True))
        except (pa.ArrowException, OSError, ValueError) as error:
            line = in_one_line(error)
            raise InputError(
                f"{path} is no exported collection, or is damaged: {line}; "
                "give the .parquet file that `vitrail export` wrote"
            ) from error
        yield ExportedFile(path, file, rows)


def _fingerprint(schema: Any, path: str) -> Fingerprint:
    try:
        header = SegmentHeader.from_json(schema.metadata[segment_file.META])
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is no exported collection, or is damaged; "
            "give the .parquet file that `vitrail export` wrote"
        ) from error
    if header.format > FORMAT:
        raise InputError(
            f"{path} has format {header.format}, but this version of vitrail reads formats up to "
            f"{FORMAT}; upgrade vitrail"
        )
    own = header.fingerprint
    if len(own.checkpoint) > _LONGEST_CHECKPOINT or not own.checkpoint.isprintable():
        raise InputError(f"{path} names a checkpoint with control characters or without end")
    return own


def _files(table: pa.Table, images: list[ImageRecord]) -> Iterator[FileRecord]:
    for image, listed in zip(images, table["files"].to_pylist(), strict=True):
        for file in listed:
            yield FileRecord(
                path=os.fsdecode(file["path"]),
                size=file["size"],
                mtime_ns=file["mtime_ns"],
                content_hash=image.content_hash,
                label=file["label"],
            )
