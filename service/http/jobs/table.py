"""The table of jobs: what is asked of it, and told to it, in SQL."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from vitrail.service.http.jobs.records import ChosenJobs, Job, NewJob

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
