"""Jobs that outlive the service: asked for, begun, ended, taken up again."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from vitrail.service.http.jobs import opening, table
from vitrail.service.http.jobs.errors import (
    JobStateError,
    JobTableError,
    KeyReusedError,
    UnknownJobError,
)
from vitrail.service.http.jobs.files import JobFiles
from vitrail.service.http.jobs.places import check_places
from vitrail.service.http.jobs.records import (
    AGAIN,
    OVER,
    PENDING,
    ChosenJobs,
    Job,
    JobState,
    NewJob,
)
from vitrail.service.http.jobs.recovery import recovered
from vitrail.service.http.jobs.retention import forgettable

_NAME = "jobs.sqlite"


class JobStore:
    """All jobs of a service; threads may share it. A context manager.

    What a method changes is on the disk when it returns.

    Args:
        directory: the folder of the service's own state; one service at a time has it.
        clock: seconds since the epoch.

    Raises:
        JobTableError: another service has the folder, or it cannot be used.
    """

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        self.directory, self._clock = directory, clock
        self._path = directory / _NAME
        self._lock = threading.RLock()
        self._connection = opening.open_table(self._path)
        self._file = opening.file_at(self._path)
        self.files = JobFiles(directory / "jobs")

    def __enter__(self) -> JobStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._connection.close()

    def known(self, key: str, digest: str) -> Job | None:
        """The job that a key stands for; ``None`` where it was not asked for yet.

        Args:
            key: by which it is asked for only once.
            digest: of all that is asked for under that key.

        Raises:
            KeyReusedError: the key stands for something else.
        """
        with self._reading():
            return self._keyed(key, digest)

    def add(self, work: NewJob, key: str | None = None, digest: str = "") -> tuple[Job, bool]:
        """Take a job on.

        Args:
            work: what to do.
            key: by which it is asked for only once, however often it is asked for.
            digest: of all that was asked for under that key.

        Returns:
            the job, and whether it is a new one.

        Raises:
            KeyReusedError: the key stands for something else.
            QueueFullError: too many wait.
            ShareTakenError: too many of this owner do, as long as others may come.
            JobTableError: it cannot be written, or is no longer where the next start looks for it.
        """
        if not self.is_there:
            raise JobTableError(
                f"the table of jobs {self._path} was taken away, so that the job would be lost",
                remedy="bring its folder back, or start the service anew",
            )
        with self._changing():
            known = None if key is None else self._keyed(key, digest)
            if known is not None:
                return known, False
            self._check_places(work.owner)
            name = secrets.token_hex(8)
            table.insert(self._connection, name, work, self._clock())
            if key is not None:
                table.insert_key(self._connection, key, digest, name)
            return self._get(name), True

    def starts_from(self, owner: str, token: str) -> bool:
        """Whether a job of somebody is asked with an image; of anybody where no owner is told."""
        with self._reading():
            return table.starts_from(self._connection, owner, token)

    @property
    def is_there(self) -> bool:
        """Whether the table's file is where it was opened; SQLite goes on writing to a lost one."""
        return opening.file_at(self._path) == self._file

    def get(self, name: str) -> Job:
        """The job of an id.

        Raises:
            UnknownJobError: there is none.
        """
        with self._reading():
            return self._get(name)

    def chosen(self, chosen: ChosenJobs) -> list[Job]:
        """Some jobs, the newest first."""
        with self._reading():
            return table.select(self._connection, chosen)

    def pending(self, lane: str) -> list[Job]:
        """Jobs of a lane that have yet to run, in their order."""
        with self._reading():
            return table.in_states(self._connection, PENDING, lane)

    def position(self, job: Job) -> int | None:
        """How many jobs of its lane come before it; ``None`` where it does not wait."""
        if job.state not in PENDING:
            return None
        with self._reading():
            return table.ahead(self._connection, job, (*PENDING, "running"))

    def counts(self) -> dict[str, int]:
        """State -> how many jobs are in it."""
        with self._reading():
            return table.counted(self._connection)

    def begin(self, name: str) -> Job:
        """Note that a job runs from now on.

        Raises:
            JobStateError: it does not wait, as it was cancelled meanwhile.
        """
        return self._move(
            name,
            PENDING,
            lambda job: {
                "state": "running",
                "waiting_for": None,
                "not_before": 0.0,
                "tries": job.tries + 1,
                "started": self._clock(),
                "finished": None,
                "problem": None,
                "progress": None,
                "notes": [],
                "result": 0,
            },
        )

    def wait(self, name: str, waiting_for: str, seconds: float) -> Job:
        """Note for whom a job waits; a try that found somebody in its way does not count.

        Args:
            name: its id.
            waiting_for: whom.
            seconds: after which it is tried again; 0 where somebody will tell.

        Raises:
            JobStateError: it is over.
        """
        return self._move(
            name,
            (*PENDING, "running"),
            lambda job: {
                "state": "waiting",
                "waiting_for": waiting_for,
                "not_before": self._clock() + seconds if seconds else 0.0,
                "tries": job.tries - (job.state == "running"),
            },
        )

    def tell(self, name: str, progress: Mapping[str, Any] | None, notes: Sequence[str]) -> None:
        """Note where a job is.

        Raises:
            JobTableError: it cannot be written.
        """
        with self._changing():
            values = {"progress": progress, "notes": list(notes)}
            table.change(self._connection, name, values)

    def finish(
        self,
        name: str,
        state: JobState,
        *,
        problem: Mapping[str, Any] | None = None,
        result: bool = False,
    ) -> Job:
        """Note how a job ended.

        Args:
            name: its id.
            state: one that stays.
            problem: why it came to nothing, as problem details.
            result: whether there is one.

        Raises:
            JobStateError: it is over already.
        """
        assert state in OVER
        ended = {
            "state": state,
            "finished": self._clock(),
            "problem": problem,
            "waiting_for": None,
            "result": int(result),
        }
        return self._move(name, (*PENDING, "running"), lambda _: ended)

    def requeue(self, name: str) -> Job:
        """Let a job that runs wait for its turn again, as the service ends.

        Raises:
            JobStateError: it does not run.
        """
        return self._move(name, ("running",), lambda _: {"state": "queued"})

    def retry(self, name: str, owner: str = "") -> Job:
        """Let a job that came to nothing be done after all, at its old place in the queue.

        Args:
            name: its id.
            owner: whose it is from now on, where callers are told apart.

        Raises:
            JobStateError: it is done, or has yet to be.
            QueueFullError: too many wait.
            ShareTakenError: too many of this owner do.
        """
        values = {
            "owner": owner,
            "state": "queued",
            "tries": 0,
            "finished": None,
            "problem": None,
            "progress": None,
            "notes": [],
            "result": 0,
        }
        with self._changing():
            changed = self._moved(name, AGAIN, lambda _: values)
            self._check_places(owner, besides=1)
            return changed

    def recover(self, resumable: Callable[[Job], bool]) -> list[Job]:
        """Take up again what ran when the service ended, or note that it was interrupted.

        Args:
            resumable: whether a job that is run again does what is left.

        Returns:
            these jobs, as they are now.
        """
        with self._changing():
            found = table.in_states(self._connection, ("running",))
            for job in found:
                left = recovered(job, resumable=resumable(job), now=self._clock())
                table.change(self._connection, job.id, left)
            return [self._get(job.id) for job in found]

    def prune(self) -> int:
        """Forget what has been over for long, and all that is of no job; how many jobs."""
        with self._changing():
            gone = forgettable(
                table.in_states(self._connection, OVER),
                lambda job: self.files.size(job.id, job.work.inputs),
                self._clock(),
            )
            table.delete(self._connection, gone)
            left = table.in_states(self._connection, (*PENDING, "running", *OVER))
        self.files.sweep(
            [job.id for job in left], [name for job in left for name in job.work.inputs]
        )
        return len(gone)

    def _move(
        self, name: str, states: Sequence[str], values: Callable[[Job], Mapping[str, Any]]
    ) -> Job:
        with self._changing():
            return self._moved(name, states, values)

    def _moved(
        self, name: str, states: Sequence[str], values: Callable[[Job], Mapping[str, Any]]
    ) -> Job:
        job = self._get(name)
        if job.state not in states:
            raise JobStateError(f"job {name} is {job.state}, but has to be {' or '.join(states)}")
        table.change(self._connection, name, values(job))
        return self._get(name)

    def _check_places(self, owner: str, *, besides: int = 0) -> None:
        """Refuse a job of somebody that finds no place; ``besides`` are those that it has."""
        counts = table.counted(self._connection)
        waiting = sum(counts.get(state, 0) for state in PENDING) - besides
        own = table.held(self._connection, owner, PENDING) - besides if owner else 0
        check_places(waiting, own)

    def _keyed(self, key: str, digest: str) -> Job | None:
        found = table.find_key(self._connection, key)
        if found is None:
            return None
        if found[0] != digest:
            raise KeyReusedError(
                f"the idempotency key {key!r} stands for something else that was asked for before",
                remedy="take a new key for each thing to do",
            )
        return self._get(found[1])

    def _get(self, name: str) -> Job:
        found = table.find(self._connection, name)
        if found is None:
            raise UnknownJobError(
                f"there is no job {name!r:.60}",
                remedy="list those that there are; jobs that are over are forgotten after a while",
            )
        return found

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock, opening.told_errors(self._path):
            yield

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._lock, opening.transaction(self._connection, self._path):
            yield
