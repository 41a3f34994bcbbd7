"""What DuckDB's errors say about the catalog: damaged, in use, or not to be read now."""

from __future__ import annotations

import errno
import os

from vitrail.indexer.errors import CollectionError, DamagedError, InputError, UnreadableError
from vitrail.indexer.files.reading import refusal_in, unreadable
from vitrail.indexer.paths import display
from vitrail.indexer.wording import first_line

# What DuckDB says of a file whose checksums or format are wrong.
_PROOFS = (
    "orrupt",
    "not a valid DuckDB database",
    "not read enough bytes",
    "does not match stored checksum",
    "Failure while replaying WAL",  # where the system's own reasons are not the cause
)


def check_path(path: str) -> None:
    """Refuse a path of which DuckDB would make another, for the file or for the log beside it."""
    odd = "?" if os.name == "nt" else "?\\"
    wrong = next((repr(letter) for letter in odd if letter in path), None)
    if wrong is None and display(path) != path:
        wrong = "bytes that are no UTF-8"
    if wrong is not None:
        raise InputError(
            f"the path {display(os.path.dirname(path))} has {wrong} in it, which the catalog's "
            "database cannot take: name another directory, or rename this one"
        )


def trouble(path: str, error: Exception, patience: float) -> CollectionError | None:
    """What an error of DuckDB's says about the file; ``None``: nothing.

    Only what proves damage may be called so: ``verify --repair`` sets aside what is.
    """
    import duckdb

    line = first_line(error, 300)
    if is_busy(error):
        return UnreadableError(
            f"the catalog {path} was in use for {patience:.0f} s; close the program that holds it "
            f"and run again ({line})"
        )
    if refusal_in(str(error)) is not None:
        return unreadable(path, line)
    if isinstance(error, duckdb.OutOfMemoryException):
        return unreadable(path, os.strerror(errno.ENOMEM))
    proven = any(part in str(error) for part in _PROOFS)
    if proven or isinstance(error, _damage_types()):
        return DamagedError(
            f"the catalog {path} is damaged ({line})", remedy="run `vitrail verify --repair`"
        )
    return unreadable(path, line) if isinstance(error, duckdb.IOException) else None


def is_of_the_file(error: Exception) -> bool:
    """Whether an error is about reading the file, by its kind: texts may quote what a user wrote.

    A checksum that does not agree has no kind of its own.
    """
    import duckdb

    kinds = (duckdb.IOException, duckdb.SerializationException, duckdb.FatalException)
    return type(error) is duckdb.Error or isinstance(error, kinds)


def is_busy(error: Exception) -> bool:
    """Whether another process, or another engine of this one, holds the file."""
    text = str(error)  # as DuckDB says it on POSIX, within a process, and as Windows says it
    return any(part in text for part in ("set lock on file", "file handle conflict", "being used"))


def _damage_types() -> tuple[type[Exception], ...]:
    import duckdb

    return (
        duckdb.SerializationException,
        duckdb.InternalException,
        duckdb.FatalException,
        duckdb.CatalogException,  # a table is missing
    )
