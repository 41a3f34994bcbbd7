"""Workers that do jobs: one a lane, and one writer a collection at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any

from vitrail.indexer.errors import CancelledError, CollectionLockedError, VitrailError
from vitrail.service.documents.plain import without_places
from vitrail.service.http.hosting import Host
from vitrail.service.http.jobs.errors import JobTableError
from vitrail.service.http.jobs.kinds import JobKind, JobRun, Outcome, Setting
from vitrail.service.http.jobs.live import LiveJob
from vitrail.service.http.jobs.records import PENDING, Job, JobState
from vitrail.service.http.jobs.recovery import interruption
from vitrail.service.http.jobs.store import JobStore
from vitrail.service.http.jobs.watching import Watchers
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.problems import problem_members
from vitrail.service.http.schemas.base import as_json
from vitrail.service.operations.building import telling_builds
from vitrail.service.operations.uploads import Uploads

_log = logging.getLogger(__name__)
PATIENCE = 30.0
"""Seconds that a service which ends gives its jobs to stop in good order."""
_AGAIN = 2.0  # seconds until it is seen whether another process still writes
_IDLE = 30.0  # seconds between two looks of a worker that nobody wakes
_MOMENT = 10.0  # seconds that a request waits for others that write
_PRUNE_EVERY = 50  # jobs
_ONLY_READS = "a service that may write: this one was started with --read-only"


class JobRunner:
    """Does the jobs of a store; a context manager, within which they are done.

    Args:
        host: the collections.
        options: how the service is set up.
        uploads: images that were handed in.
        store: the jobs.
        kinds: name -> kind of job.
    """

    def __init__(
        self,
        host: Host,
        options: ServiceOptions,
        uploads: Uploads,
        store: JobStore,
        kinds: Mapping[str, JobKind[Any]],
    ) -> None:
        self.store, self.watchers = store, Watchers()
        self._host, self.options, self._uploads, self._kinds = host, options, uploads, kinds
        self._changed = threading.Condition()
        self._closing = False
        self._live: dict[str, LiveJob] = {}
        # collection -> the job that writes to it, or nothing where a request does
        self._writing: dict[str, Job | None] = {}
        self._ended = 0
        lanes = dict.fromkeys(kind.lane for kind in kinds.values())
        self._workers = [
            threading.Thread(target=self._work, args=(lane,), name=f"jobs-{lane}", daemon=True)
            for lane in lanes
        ]

    def __enter__(self) -> JobRunner:
        for job in self.store.recover(self._is_resumable):
            _log.warning("job %s (%s) ran when the service ended: %s", job.id, *_said(job))
        self.store.prune()
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop_telling()
        with self._changed:
            self._closing = True
            for live in self._live.values():
                live.cancellation.cancel()
            self._changed.notify_all()
        until = time.monotonic() + PATIENCE
        for worker in self._workers:
            worker.join(max(0.0, until - time.monotonic()))

    def stop_telling(self) -> None:
        """Let all go who listen to events, so that a server can end."""
        self.watchers.close()

    def setting(self, collection: str, owner: str) -> Setting:
        """What a job of a collection is asked about.

        Args:
            collection: name of it.
            owner: whose uploads it may name, where callers are told apart.

        Raises:
            UnknownCollectionError: none of this name is served.
        """
        hosted, uploads = self._host.get(collection), self._uploads.of(owner)
        return Setting(hosted, self.options, uploads, self.store, owner)

    def wake(self) -> None:
        """Let the workers look for what is new."""
        with self._changed:
            self._changed.notify_all()

    def now(self, job: Job) -> Job:
        """A job with where it is at this moment."""
        live = self._live.get(job.id)
        if live is None or job.state != "running":
            return job
        return replace(job, progress=live.progress, notes=live.notes)

    def preview(self, name: str) -> bytes | None:
        """The half-made image of a job as WebP, where there is one."""
        live = self._live.get(name)
        return None if live is None else live.preview.ask()

    @contextmanager
    def writing(self, collection: str) -> Iterator[None]:
        """Write to a collection within a request, between its jobs and other requests.

        Args:
            collection: name of it.

        Raises:
            CollectionLockedError: a job writes to it, or other requests did so for too long.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._writing.get(collection, self) is not None, _MOMENT)
            if collection in self._writing:
                raise _taken(collection, self._writing[collection])
            self._writing[collection] = None
        try:
            yield
        finally:
            with self._changed:
                del self._writing[collection]
                self._changed.notify_all()

    def cancel(self, name: str) -> Job:
        """End a job: at once where it waits, and in good order where it runs.

        Raises:
            UnknownJobError: there is none.
            JobStateError: it is over.
        """
        with self._changed:
            job = self.store.get(name)
            live = self._live.get(name)
            if job.state == "cancelled":
                return job
            if live is not None and job.state == "running":
                live.cancelled = True
                live.cancellation.cancel()
                return job
            ended = self.store.finish(name, "cancelled")
        self.watchers.ring(name)
        return ended

    def retry(self, name: str, owner: str = "") -> Job:
        """Do a job after all that came to nothing.

        Args:
            name: its id.
            owner: whose it is from now on, where callers are told apart.

        Raises:
            UnknownJobError: there is none.
            JobStateError: it is done, or has yet to be.
            QueueFullError: too many wait.
            ShareTakenError: too many of this owner do.
        """
        job = self.store.retry(name, owner)
        self.watchers.ring(name)
        self.wake()
        return job

    def _is_resumable(self, job: Job) -> bool:
        kind = self._kinds.get(job.work.kind)
        return kind is not None and kind.resumable

    def _work(self, lane: str) -> None:
        while (job := self._next(lane)) is not None:
            try:
                self._run(job)
            except Exception:  # the table cannot be written: it is recovered at the next start
                _log.exception("job %s could not be put down", job.id)
            self._leave(job)

    def _next(self, lane: str) -> Job | None:
        """The next job of a lane, once there is one; ``None`` when the service ends."""
        with self._changed:
            while not self._closing:
                pause = _IDLE
                try:
                    job = self._take(lane)
                    if job is not None:
                        return job
                    pause = self._pause(lane)
                except VitrailError as error:  # such as a full disk
                    _log.warning("no job of %s can be begun: %s", lane, error)
                self._changed.wait(pause)
            return None

    def _pause(self, lane: str) -> float:
        """Seconds until one of its jobs may be tried again."""
        left = (job.not_before - time.time() for job in self.store.pending(lane))
        return max(0.05, min((seconds for seconds in left if _waits(seconds)), default=_IDLE))

    def _take(self, lane: str) -> Job | None:
        """The first job of a lane that nothing is in the way of; it runs from now on."""
        for job in self.store.pending(lane):
            if _waits(job.not_before - time.time()):
                continue
            writes = self.writes(job)
            if writes and self.options.read_only:  # left by a service that did not only read
                self._put_off(job, _ONLY_READS)
                continue
            if writes and job.work.collection in self._writing:
                self._stand_aside(job, self._writing[job.work.collection])
                continue
            taken = self.store.begin(job.id)
            if writes:
                self._writing[job.work.collection] = taken
            self._live[job.id] = LiveJob(self.store, self.watchers, self.options, job.id)
            self.watchers.ring(job.id)
            return taken
        return None

    def _stand_aside(self, job: Job, other: Job | None) -> None:
        if other is None:  # which is over in a moment
            return
        what = f"job {other.id} ({other.work.kind}), which writes to {other.work.collection}"
        self._put_off(job, what)

    def _put_off(self, job: Job, told: str) -> None:
        if job.waiting_for != told:
            self.store.wait(job.id, told, 0.0)
            self.watchers.ring(job.id)

    def writes(self, job: Job) -> bool:
        """Whether a job changes a collection or its files."""
        kind = self._kinds.get(job.work.kind)
        try:
            return kind is not None and kind.writes(kind.read(job.work.parameters))
        except ValueError:  # of another version; it fails once it is run
            return False

    def _leave(self, job: Job) -> None:
        """A job runs no longer."""
        with self._changed:
            live = self._live.pop(job.id)
            writing = self._writing.get(job.work.collection)
            if writing is not None and writing.id == job.id:
                del self._writing[job.work.collection]
            self._ended += 1
            self._changed.notify_all()
            try:
                if live.cancelled and self.store.get(job.id).state in PENDING:
                    self.store.finish(job.id, "cancelled")  # while it was put back in line
                if self._ended % _PRUNE_EVERY == 0:
                    self.store.prune()
            except VitrailError as error:  # such as a full disk
                _log.warning("the table of jobs cannot be tidied now: %s", error)
        self.watchers.ring(job.id)

    def _run(self, job: Job) -> None:
        live = self._live[job.id]
        try:
            outcome = self._done(job, live)
            if outcome.complete:
                self._end(job, live, outcome)
            else:
                self._stopped(job, live, outcome)
        except CollectionLockedError as error:
            self._wait(job, live, error)
        except CancelledError:
            self._stopped(job, live, None)
        except VitrailError as error:
            self._fail(job, live, problem_members(error, self.options))
        except Exception as error:
            _log.exception("job %s (%s) failed", job.id, job.work.kind)
            self._fail(job, live, _unforeseen(error))

    def _done(self, job: Job, live: LiveJob) -> Outcome:
        kind = self._kinds[job.work.kind]
        body = kind.read(job.work.parameters)
        setting = self.setting(job.work.collection, job.work.owner)
        with telling_builds(live, live.cancellation):
            return kind.run(JobRun(setting, job.id, live, live.cancellation, live.preview), body)

    def _end(self, job: Job, live: LiveJob, outcome: Outcome) -> None:
        self._write(job, outcome)
        live.keep()
        self._put_down(job, lambda: self.store.finish(job.id, "done", result=True))

    def _write(self, job: Job, outcome: Outcome) -> None:
        told = outcome.result if self.options.paths else without_places(outcome.result)
        self.store.files.write_result(job.id, as_json(told))

    def _fail(self, job: Job, live: LiveJob, problem: Mapping[str, Any]) -> None:
        live.keep()
        self._put_down(job, lambda: self.store.finish(job.id, "failed", problem=problem))

    def _put_down(self, job: Job, note: Callable[[], object]) -> None:
        """Note how a job ended, once the table can be written; until then nobody knows it ended."""
        told = False
        while not self._is_put_down(job, note, told):
            told = True
            with self._changed:
                if self._closing:  # the next start finds that it ran
                    return
                self._changed.wait(_AGAIN)

    def _is_put_down(self, job: Job, note: Callable[[], object], told: bool) -> bool:
        try:
            note()
        except JobTableError as error:  # such as a full disk
            if not told:
                _log.warning("how job %s ended cannot be put down yet: %s", job.id, error)
            return False
        return True

    def _stopped(self, job: Job, live: LiveJob, outcome: Outcome | None) -> None:
        """Somebody cancelled it, or the service ends."""
        live.keep()
        resumable = self._is_resumable(job)
        if not live.cancelled and resumable:
            self._put_down(job, lambda: self.store.requeue(job.id))
            return
        if outcome is not None:
            self._write(job, outcome)
        state: JobState = "cancelled" if live.cancelled else "interrupted"
        problem = None if live.cancelled else interruption(job, resumable=False)
        result = outcome is not None
        self._put_down(
            job, lambda: self.store.finish(job.id, state, problem=problem, result=result)
        )

    def _wait(self, job: Job, live: LiveJob, error: CollectionLockedError) -> None:
        """Another process writes to the collection: try again later."""
        live.keep()
        if live.cancelled:
            self._put_down(job, lambda: self.store.finish(job.id, "cancelled"))
            return
        detail = str(problem_members(error, self.options)["detail"])
        self._put_down(job, lambda: self.store.wait(job.id, detail, _AGAIN))


def _waits(seconds: float) -> bool:
    """Whether a job that may be tried again in so many seconds has to wait for that.

    More than are ever set are left by a clock that was put back.
    """
    return 0 < seconds <= _AGAIN


def _taken(collection: str, job: Job | None) -> CollectionLockedError:
    if job is None:
        return CollectionLockedError(
            f"others write to {collection} just now", remedy="ask again in a moment"
        )
    return CollectionLockedError(
        f"job {job.id} ({job.work.kind}) writes to {collection}",
        remedy="wait until it is done, or cancel it",
    )


def _said(job: Job) -> tuple[str, str]:
    return job.work.kind, job.state


def _unforeseen(error: Exception) -> dict[str, Any]:
    """What is not our own error: the log has all of it, the client no more than its kind."""
    if isinstance(error, MemoryError):
        detail, remedy = "there was not the memory for it", "ask for less at once, and try again"
    else:
        detail, remedy = f"it failed by {type(error).__name__}", "the service's log tells more"
    return {"code": "internal", "detail": detail, "remedy": remedy}
