"""The table of jobs: all SQL of the service's own SQLite file, and how it is opened."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vitrail.service.http.jobs.errors import JobTableError
from vitrail.service.http.jobs.records import ChosenJobs, Job, NewJob

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
_COLUMNS = (
    "id, number, kind, lane, collection, parameters, inputs, state, waiting_for, not_before, "
    "progress, notes, tries, created, started, finished, problem, result, owner"
)
_JSON = ("parameters", "inputs", "progress", "notes", "problem")
_CHANGED = (
    *_JSON,
    "state",
    "waiting_for",
    "not_before",
    "tries",
    "started",
    "finished",
    "result",
    "owner",
)


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


def insert(connection: sqlite3.Connection, name: str, work: NewJob, created: float) -> None:
    """Add a job."""
    connection.execute(
        "INSERT INTO jobs (id, kind, lane, collection, parameters, inputs, owner, created) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            name,
            work.kind,
            work.lane,
            work.collection,
            json.dumps(work.parameters),
            json.dumps(work.inputs),
            work.owner,
            created,
        ),
    )


def change(connection: sqlite3.Connection, name: str, values: Mapping[str, Any]) -> None:
    """Give some columns of a job other values."""
    assert values.keys() <= set(_CHANGED), values
    told = [
        json.dumps(value) if column in _JSON and value is not None else value
        for column, value in values.items()
    ]
    assigned = ", ".join(f"{column} = ?" for column in values)
    connection.execute(f"UPDATE jobs SET {assigned} WHERE id = ?", (*told, name))


def find(connection: sqlite3.Connection, name: str) -> Job | None:
    """The job of an id."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (name,)).fetchone()
    return None if row is None else _job(row)


def select(connection: sqlite3.Connection, chosen: ChosenJobs) -> list[Job]:
    """Jobs, the newest first."""
    clauses = ["number < ?"]
    told: list[Any] = [2**62 if chosen.before is None else chosen.before]
    for column, wanted in (("state", chosen.states), ("kind", chosen.kinds)):
        if wanted:
            clauses.append(f"{column} IN ({', '.join('?' * len(wanted))})")
            told += wanted
    if chosen.collection is not None:
        clauses.append("collection = ?")
        told.append(chosen.collection)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM jobs WHERE {' AND '.join(clauses)} ORDER BY number DESC LIMIT ?",
        (*told, chosen.limit),
    )
    return [_job(row) for row in rows]


def in_states(
    connection: sqlite3.Connection, states: Sequence[str], lane: str | None = None
) -> list[Job]:
    """All jobs in some states, perhaps of one lane, the oldest first."""
    marks = ", ".join("?" * len(states))
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM jobs WHERE state IN ({marks}) AND (? IS NULL OR lane = ?) "
        "ORDER BY number",
        (*states, lane, lane),
    )
    return [_job(row) for row in rows]


def counted(connection: sqlite3.Connection) -> dict[str, int]:
    """How many jobs are in each state."""
    return dict(connection.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())


def held(connection: sqlite3.Connection, owner: str, states: Sequence[str]) -> int:
    """How many jobs of somebody are in some states."""
    marks = ", ".join("?" * len(states))
    (found,) = connection.execute(
        f"SELECT count(*) FROM jobs WHERE state IN ({marks}) AND owner = ?", (*states, owner)
    ).fetchone()
    return int(found)


def starts_from(connection: sqlite3.Connection, owner: str, token: str) -> bool:
    """Whether a job of somebody needs a kept image; of anybody where no owner is told."""
    found = connection.execute(
        "SELECT 1 FROM jobs, json_each(jobs.inputs) AS one "
        "WHERE one.value = ? AND ? IN ('', owner) LIMIT 1",
        (token, owner),
    )
    return found.fetchone() is not None


def ahead(connection: sqlite3.Connection, job: Job, states: Sequence[str]) -> int:
    """How many jobs of the same lane are in some states and were asked for before."""
    marks = ", ".join("?" * len(states))
    (found,) = connection.execute(
        f"SELECT count(*) FROM jobs WHERE state IN ({marks}) AND lane = ? AND number < ?",
        (*states, job.work.lane, job.number),
    ).fetchone()
    return int(found)


def find_key(connection: sqlite3.Connection, key: str) -> tuple[str, str] | None:
    """Digest and job of an idempotency key."""
    row = connection.execute("SELECT digest, job FROM keys WHERE key = ?", (key,)).fetchone()
    return None if row is None else (row["digest"], row["job"])


def insert_key(connection: sqlite3.Connection, key: str, digest: str, name: str) -> None:
    """Remember which job an idempotency key has made."""
    connection.execute("INSERT INTO keys VALUES (?, ?, ?)", (key, digest, name))


def delete(connection: sqlite3.Connection, names: Sequence[str]) -> None:
    """Forget jobs, and their keys."""
    for table, column in (("jobs", "id"), ("keys", "job")):
        connection.executemany(
            f"DELETE FROM {table} WHERE {column} = ?", [(name,) for name in names]
        )


def _job(row: sqlite3.Row) -> Job:
    told: dict[str, Any] = {
        name: None if row[name] is None else json.loads(row[name]) for name in _JSON
    }
    return Job(
        id=row["id"],
        number=row["number"],
        work=NewJob(
            row["kind"],
            row["lane"],
            row["collection"],
            told["parameters"],
            tuple(told["inputs"]),
            row["owner"],
        ),
        state=row["state"],
        waiting_for=row["waiting_for"],
        not_before=row["not_before"],
        progress=told["progress"],
        notes=tuple(told["notes"]),
        tries=row["tries"],
        created=_time(row["created"]),
        started=None if row["started"] is None else _time(row["started"]),
        finished=None if row["finished"] is None else _time(row["finished"]),
        problem=told["problem"],
        result=bool(row["result"]),
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
