"""The file of the table of jobs: its schema, how it is opened, and what its errors say."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vitrail.service.http.jobs.errors import JobTableError

FORMAT = 2
_SCHEMA = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    lane TEXT NOT NULL,
    collection TEXT NOT NULL,
    parameters TEXT NOT NULL,
    inputs TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    waiting_for TEXT,
    not_before REAL NOT NULL DEFAULT 0,
    progress TEXT,
    notes TEXT NOT NULL DEFAULT '[]',
    tries INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    started REAL,
    finished REAL,
    problem TEXT,
    result INTEGER NOT NULL DEFAULT 0,
    owner TEXT NOT NULL DEFAULT ''
);
CREATE INDEX jobs_by_state ON jobs (state, lane);
CREATE TABLE keys (key TEXT PRIMARY KEY, digest TEXT NOT NULL, job TEXT NOT NULL);
"""
_MIGRATIONS = {1: "ALTER TABLE jobs ADD COLUMN owner TEXT NOT NULL DEFAULT ''"}
"""Format -> what makes the next one of it."""


def open_table(path: Path) -> sqlite3.Connection:
    """Open the file, made where there is none, for this process alone; threads may share it.

    Every commit is on the disk when it returns. The operating system holds the lock, so that a
    killed service leaves none behind.

    Raises:
        JobTableError: another service has it, it is damaged, or of a newer version.
    """
    with told_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # prompts are nobody else's
        os.close(handle)
        connection = sqlite3.connect(path, timeout=2, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def file_at(path: Path) -> tuple[int, int] | None:
    """What tells the file of a name from others; ``None`` where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.row_factory = sqlite3.Row
    for line in (
        "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
    ):
        connection.execute(line)
    with transaction(connection, path):  # takes the lock, which is then held
        (there,) = connection.execute("PRAGMA user_version").fetchone()
        if there > FORMAT:
            raise JobTableError(
                f"the jobs in {path} are of format {there}, and this version knows {FORMAT}",
                remedy="install the newer version again, or name another folder by --state",
            )
        if not there:
            for statement in filter(str.strip, _SCHEMA.split(";")):
                connection.execute(statement)
        for older in range(there or FORMAT, FORMAT):
            connection.execute(_MIGRATIONS[older])
        connection.execute(f"PRAGMA user_version = {FORMAT}")


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """All of it, or nothing.

    Raises:
        JobTableError: it cannot be written.
    """
    with told_errors(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def told_errors(path: Path) -> Iterator[None]:
    """Say in our words what SQLite says.

    Raises:
        JobTableError: the table cannot be read or written.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise JobTableError(
                f"another service uses the folder {path.parent}",
                remedy="end it, or name another folder by --state",
            ) from error
        raise JobTableError(
            f"the table of jobs {path} cannot be used now: {error}",
            remedy="free space on its disk, or name another folder by --state",
        ) from error
    except sqlite3.DatabaseError as error:
        raise JobTableError(
            f"the table of jobs {path} is damaged: {error}",
            remedy="move it away to begin with no jobs; collections do not need it",
        ) from error
    except OSError as error:
        raise JobTableError(
            f"the table of jobs {path} cannot be used: {error.strerror}",
            remedy="name a folder that can be written by --state",
        ) from error
