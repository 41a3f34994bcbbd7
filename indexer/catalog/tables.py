"""Tables of the user's own: CSV, TSV and Parquet files, read with nothing taken on trust."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.own_columns import MOST, check_names, plain_column
from vitrail.indexer.errors import InputError
from vitrail.indexer.segments.parquet import BYTES, Footer, read_footer
from vitrail.indexer.wording import counted, in_one_line

if TYPE_CHECKING:
    import pyarrow as pa

KEY = "path"
_SEPARATORS = {".csv": ",;\t|", ".tsv": "\t", ".txt": "\t,;|"}
_CHUNK = 50_000  # rows of a CSV file that are lists of Python at a time
_LONGEST_CELL = 1 << 20  # bytes
MOST_ROWS = 20_000_000
"""Of a Parquet file, in which a row can take no room at all."""
MOST_BYTES = 2 << 30
"""Of a Parquet file, unpacked."""
_MOST_COLUMNS = 2000  # of a file, whatever it holds


@dataclass(frozen=True, slots=True)
class OwnTable:
    """A file's rows.

    Attributes:
        paths: what each row's column ``path`` says.
        columns: the others, all text where the file has no types.
        typed: whether the file has types.
    """

    paths: list[str | None]
    columns: pa.Table
    typed: bool


def read_own_table(path: str) -> OwnTable:
    """Read a CSV, TSV or Parquet file with a column ``path``.

    Raises:
        InputError: it cannot be read, lacks ``path``, or has a column that no image can have.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending not in (*_SEPARATORS, ".parquet"):
        raise InputError(f"{path!r} is not annotations: give a .csv, .tsv or .parquet file")
    if not os.path.isfile(path):
        raise InputError(f"there is no file {path!r} to annotate from")
    with foreign(path):
        table = _read_parquet(path) if ending == ".parquet" else _read_text(path, ending)
        names = table.column_names
        key = next(name for name in names if name.lower() == KEY)
        paths = plain_column(table[key], key, repr(path)).cast("string").to_pylist()
        own = _plain(table.select([name for name in names if name != key]), path)
    return OwnTable(paths, own, typed=ending == ".parquet")


@contextmanager
def foreign(path: str) -> Iterator[None]:
    """Turn whatever a library says of a file from elsewhere into one line.

    Raises:
        InputError: names the file.
    """
    import pyarrow as pa

    try:
        yield
    except (
        pa.ArrowException,
        csv.Error,
        OSError,
        UnicodeError,
        ValueError,
        TypeError,
        KeyError,
        OverflowError,
        MemoryError,
        RecursionError,
    ) as error:
        raise InputError(f"{path!r} cannot be read: {in_one_line(error, 300)}") from error


def check_header(path: str, names: Sequence[str]) -> None:
    """Refuse a table without paths, with nothing else, or with names that columns cannot have.

    Raises:
        InputError: names the column.
    """
    if len(names) > _MOST_COLUMNS:
        raise InputError(
            f"{path!r} has {len(names):,} columns, but {MOST} of your own are the most"
        )
    keys = [name for name in names if name.lower() == KEY]
    if not keys:
        listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        raise InputError(f"{path!r} has no column 'path'; it has {listed!s:.500}")
    if len(names) < 2:
        raise InputError(f"{path!r} has only the column 'path'; add columns to annotate with")
    if len(keys) > 1:
        raise InputError(f"{path!r} has {len(keys)} columns 'path'; keep one")
    check_names([name for name in names if name not in keys], repr(path))


def _read_parquet(path: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with ExitStack() as stack:
        # Arrow itself takes no name that is not UTF-8.
        handle = stack.enter_context(open(path, "rb"))
        # By our own reader first: Arrow's ends the process where a footer is not sound.
        footer = read_footer(handle)
        handle.seek(0)
        file = stack.enter_context(pq.ParquetFile(handle, page_checksum_verification=True))
        check_header(path, file.schema_arrow.names)
        rows = footer.rows
        if rows > MOST_ROWS:
            raise InputError(
                f"{path!r} has {rows:,} rows, but {MOST_ROWS:,} are the most; split it"
            )
        batches, size = [], 0
        # A page of a kilobyte can stand for gigabytes, so that only what is unpacked is counted.
        for batch in file.iter_batches(_rows_at_once(footer)):
            batch = _unpacked(batch)
            size += batch.nbytes
            if size > MOST_BYTES:
                raise InputError(
                    f"{path!r} unpacks to more than {MOST_BYTES >> 30} GiB; split it, or leave "
                    "long columns out"
                )
            batches.append(batch)
        return pa.Table.from_batches(batches) if batches else file.read()


def _rows_at_once(footer: Footer) -> int:
    """How many rows stay below 256 MiB, though each hold the longest text of its column."""
    chunks = (chunk for group in footer.groups for chunk in group)
    texts = (chunk.unpacked for chunk in chunks if chunk.kind == BYTES)
    return int(min(_CHUNK, max(16, (1 << 28) // max(1, max(texts, default=1)))))


def _unpacked(batch: Any) -> Any:
    """A batch whose columns hold their values, not numbers in a dictionary."""
    import pyarrow as pa

    columns = [c.dictionary_decode() if pa.types.is_dictionary(c.type) else c for c in batch]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _plain(table: pa.Table, path: str) -> pa.Table:
    import pyarrow as pa

    names = table.column_names
    columns = [plain_column(table[name], name, repr(path)) for name in names]
    return pa.table(dict(zip(names, columns, strict=True)))


def _read_text(path: str, ending: str) -> pa.Table:
    """All cells as texts, empty ones as null."""
    import pyarrow as pa

    csv.field_size_limit(_LONGEST_CELL)
    # Bytes that are no UTF-8 are refused, with where they are.
    with open(path, encoding="utf-8-sig", newline="") as file:
        first = file.readline(_LONGEST_CELL)
        file.seek(0)
        reader = csv.reader(file, delimiter=_separator(first, _SEPARATORS[ending]), strict=True)
        names = [name.strip() for name in next(reader, [])]
        check_header(path, names)
        schema = pa.schema([(name, pa.string()) for name in names])
        chunks = list(_chunks(reader, schema, path))
    return pa.Table.from_batches(chunks, schema)


def _separator(header: str, candidates: str) -> str:
    """What splits the first line into most columns, one of them ``path``."""

    def columns(separator: str) -> tuple[bool, int]:
        cells = next(csv.reader([header], delimiter=separator), [])
        return any(cell.strip().lower() == KEY for cell in cells), len(cells)

    return max(candidates, key=columns)


def _chunks(reader: Any, schema: Any, path: str) -> Iterator[Any]:
    import pyarrow as pa

    rows: list[list[str]] = []
    for number, row in enumerate(reader, 1):
        if not row:
            continue  # an empty line
        if len(row) != len(schema):
            raise InputError(
                f"{path!r} row {number} has {counted(len(row), 'cell')}, but the first line names "
                f"{counted(len(schema), 'column')}"
            )
        rows.append(row)
        if len(rows) == _CHUNK:
            yield _batch(rows, schema)
            rows = []
    yield pa.RecordBatch.from_pylist([], schema) if not rows else _batch(rows, schema)


def _batch(rows: list[list[str]], schema: Any) -> Any:
    import pyarrow as pa

    columns = zip(*rows, strict=True)
    arrays = [pa.array([cell or None for cell in column], pa.string()) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
