"""Workers: one a lane, one writer a collection; ended, cancelled, locked out, taken up again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import ColourEncoder
from vitrail.indexer import building
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CancelledError, CollectionLockedError, InputError, VitrailError
from vitrail.service.http.hosting import Host
from vitrail.service.http.jobs.errors import JobStateError, JobTableError
from vitrail.service.http.jobs.kinds import JobKind, JobRun, Outcome, Setting
from vitrail.service.http.jobs.records import Job, NewJob
from vitrail.service.http.jobs.runner import JobRunner
from vitrail.service.http.jobs.store import JobStore
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.schemas.bodies import JobBody
from vitrail.service.operations.progress import AnalysisProgress, Note
from vitrail.service.operations.uploads import Uploads

SECONDS = 20.0  # within which everything has to happen, on however busy a machine


class NamedBody(JobBody):
    """A name."""

    name: str = "a"


class Gated(JobKind[NamedBody]):
    """Jobs that run until their gate is opened, or they are cancelled."""

    body = NamedBody

    def __init__(self, name: str, *, resumable: bool = False, writing: bool = False) -> None:
        self.name = self.lane = name
        self.resumable, self._writing = resumable, writing
        self.began: list[str] = []
        self.gates: dict[str, threading.Event] = {}
        self.fails: list[Exception] = []
        self.partial = False

    def gate(self, name: str) -> threading.Event:
        return self.gates.setdefault(name, threading.Event())

    def writes(self, body: NamedBody) -> bool:
        return self._writing

    def check(self, setting: Setting, body: NamedBody) -> None:
        pass

    def run(self, run: JobRun, body: NamedBody) -> Outcome:
        self.began.append(body.name)
        run.progress(Note(f"it is {body.name} of {run.setting.hosted.directory}/x/y"))
        run.progress(AnalysisProgress("looking", 1, 2))
        gate = self.gate(body.name)
        while not gate.wait(0.01):
            if run.cancellation.cancelled and self.partial:
                return Outcome({"so far": 1}, complete=False)
            run.cancellation.check()
        if self.fails:
            raise self.fails.pop()
        return Outcome({"of": body.name, "path": "/a/b.png"})


class Building(Gated):
    """Jobs that have done what they were asked for, and build an index until that is ended."""

    def run(self, run: JobRun, body: NamedBody) -> Outcome:
        with building.building() as made, suppress(CancelledError):
            step = made.of("cls@2")
            while True:
                step("linking", 3, 9)
                time.sleep(0.005)
        return Outcome({"of": body.name})


class Work:
    """A runner, its store and its kinds, which can be ended and begun anew."""

    def __init__(self, tmp_path: Path) -> None:
        self.kinds = {
            "look": Gated("look"),
            "other": Gated("other"),
            "write": Gated("write", writing=True, resumable=True),
            "change": Gated("change", writing=True),
        }
        homes = {}
        for name in ("a", "b"):
            CollectionStore.create(tmp_path / name, ColourEncoder().fingerprint).close()
            homes[name] = tmp_path / name
        self.options = ServiceOptions(homes, tmp_path / "state")
        self.uploads = Uploads(tmp_path / "state" / "uploads")

    @contextmanager
    def serving(self) -> Iterator[JobRunner]:
        with (
            JobStore(self.options.state) as store,
            Host(self.options.collections) as host,
            JobRunner(host, self.options, self.uploads, store, self.kinds) as runner,
        ):
            try:
                yield runner
            finally:
                self.store_at_end = store

    def ask(self, runner: JobRunner, kind: str, name: str = "a", collection: str = "a") -> str:
        job, _ = runner.store.add(NewJob(kind, kind, collection, {"name": name}))
        runner.wake()
        return job.id

    def open(self, *names: str) -> None:
        for kind in self.kinds.values():
            for name in names:
                kind.gate(name).set()


def until(met: Callable[[], Any]) -> Any:
    end = time.monotonic() + SECONDS
    while not (found := met()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)
    return found


def comes_to(runner: JobRunner, job: str, state: str) -> Job:
    def met() -> Job | None:
        found = runner.store.get(job)
        return found if found.state == state else None

    found: Job = until(met)
    return found


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path)


def test_a_job_is_done_and_told(work: Work) -> None:
    with work.serving() as runner:
        job = work.ask(runner, "look")
        comes_to(runner, job, "running")
        live = until(lambda: (now := runner.now(runner.store.get(job))).progress and now)
        assert live.progress == {"stage": "looking", "done": 1, "total": 2, "unit": "image"}
        assert live.notes == ("it is a of a/x/y",)  # not where that lies
        work.open("a")
        done = comes_to(runner, job, "done")
        assert (done.result, done.tries, done.problem) == (True, 1, None)
        assert done.progress == live.progress
        # where files lie is not told, unless the service was set up to
        assert runner.store.files.result(job).read_text() == '{"of":"a","name":"b.png"}'


def test_a_job_tells_what_it_builds_and_is_done_without_it(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "PATIENCE", 0.0)
    work.kinds["build"] = Building("build", writing=True)
    with work.serving() as runner:
        job = work.ask(runner, "build")
        comes_to(runner, job, "running")
        live = until(lambda: (now := runner.now(runner.store.get(job))).progress and now)
        told = {"stage": "index of cls@2: linking", "done": 3, "total": 9, "unit": "vector"}
        assert live.progress == told
        runner.cancel(job)
        assert comes_to(runner, job, "done").result is True


def test_a_lane_does_one_job_at_a_time_and_lanes_do_not_wait(work: Work) -> None:
    with work.serving() as runner:
        first, second = work.ask(runner, "look", "a"), work.ask(runner, "look", "b")
        other = work.ask(runner, "other", "c")
        comes_to(runner, first, "running")
        comes_to(runner, other, "running")
        assert runner.store.get(second).state == "queued"
        work.open("a", "c")
        comes_to(runner, second, "running")
        assert work.kinds["look"].began == ["a", "b"]
        work.open("b")
        comes_to(runner, second, "done")


def test_a_collection_has_one_writer_at_a_time(work: Work) -> None:
    with work.serving() as runner:
        first = work.ask(runner, "write", "a")
        comes_to(runner, first, "running")
        second, apart = work.ask(runner, "change", "b"), work.ask(runner, "change", "c", "b")
        waiting = comes_to(runner, second, "waiting")
        assert waiting.waiting_for == f"job {first} (write), which writes to a"
        comes_to(runner, apart, "running")  # of another collection, though it was asked for later
        reading = work.ask(runner, "look", "d")
        comes_to(runner, reading, "running")
        with pytest.raises(CollectionLockedError, match=f"job {first}"), runner.writing("a"):
            pass
        work.open("a", "c", "d")
        comes_to(runner, second, "running")
        work.open("b")
        assert comes_to(runner, second, "done").waiting_for is None
        with runner.writing("a"):
            third = work.ask(runner, "write", "e")
            work.open("e")
            time.sleep(0.05)
            assert runner.store.get(third).state == "queued"
        comes_to(runner, third, "done")


def test_who_waits_for_another_process_tries_again(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitrail.service.http.jobs.runner._AGAIN", 0.05)
    work.open("a")
    work.kinds["write"].fails = [CollectionLockedError("process 17 is writing") for _ in range(3)]
    with work.serving() as runner:
        job = work.ask(runner, "write")
        done = comes_to(runner, job, "done")
        assert done.tries == 1
        assert work.kinds["write"].began == ["a"] * 4


def test_a_clock_that_is_put_back_lets_no_job_wait(work: Work) -> None:
    work.open("a")
    with JobStore(work.options.state) as store:
        job, _ = store.add(NewJob("write", "write", "a", {"name": "a"}))
        store.wait(job.id, "another process", 86_400.0)  # as a clock a day ahead said
    with work.serving() as runner:
        assert comes_to(runner, job.id, "done").waiting_for is None


def test_a_job_that_waits_for_a_lock_says_for_whom_and_can_be_cancelled(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitrail.service.http.jobs.runner._AGAIN", 3600.0)
    work.open("a")
    work.kinds["write"].fails = [CollectionLockedError("process 17 is writing to /x/y")]
    with work.serving() as runner:
        job = work.ask(runner, "write")
        waiting = comes_to(runner, job, "waiting")
        assert waiting.waiting_for == "process 17 is writing to y"
        assert runner.cancel(job).state == "cancelled"


def test_a_job_that_is_cancelled_while_it_is_put_back_in_line_stays_so(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.open("a")
    work.kinds["write"].fails = [CollectionLockedError("process 17 is writing")]
    with work.serving() as runner:
        wait = runner.store.wait

        def cancel_first(name: str, waiting_for: str, seconds: float) -> Job:
            assert runner.cancel(name).state == "running"
            return wait(name, waiting_for, seconds)

        monkeypatch.setattr(runner.store, "wait", cancel_first)
        comes_to(runner, work.ask(runner, "write"), "cancelled")
        assert work.kinds["write"].began == ["a"]


@pytest.mark.parametrize("partial", [False, True])
def test_a_running_job_is_cancelled_in_good_order(work: Work, partial: bool) -> None:
    work.kinds["write"].partial = partial
    with work.serving() as runner:
        job = work.ask(runner, "write")
        comes_to(runner, job, "running")
        runner.cancel(job)
        ended = comes_to(runner, job, "cancelled")
        assert ended.result is partial  # what it did until then is told
        assert runner.cancel(job) == ended  # who asks twice gets the same
        work.open("a")
        assert runner.retry(job).state in ("queued", "running")
        done = comes_to(runner, job, "done")
        with pytest.raises(JobStateError, match="is done"):
            runner.cancel(job)
        with pytest.raises(JobStateError, match="is done"):
            runner.retry(job)
        assert runner.store.get(job) == done


def test_a_waiting_job_is_cancelled_at_once(work: Work) -> None:
    with work.serving() as runner:
        first, second = work.ask(runner, "look", "a"), work.ask(runner, "look", "b")
        comes_to(runner, first, "running")
        assert runner.cancel(second).state == "cancelled"
        work.open("a", "b")
        comes_to(runner, first, "done")
        assert work.kinds["look"].began == ["a"]


def test_errors_are_problems(work: Work) -> None:
    work.open("a")
    errors: list[tuple[Exception, str, str]] = [
        (InputError("no such space", remedy="name another"), "bad-input", "no such space"),
        (VitrailError("it failed"), "failed", "it failed"),
        (ZeroDivisionError("secret"), "internal", "ZeroDivisionError"),
        (MemoryError(), "internal", "memory"),
    ]
    with work.serving() as runner:
        for error, code, says in errors:
            work.kinds["look"].fails = [error]
            job = work.ask(runner, "look")
            failed = comes_to(runner, job, "failed")
            assert failed.problem is not None
            assert failed.problem["code"] == code
            assert says in failed.problem["detail"]
            assert "secret" not in str(failed.problem)
        comes_to(runner, work.ask(runner, "look"), "done")  # the worker lives on


def test_what_no_version_knows_fails_and_harms_nothing(work: Work) -> None:
    work.open("a")
    with work.serving() as runner:
        of_later, _ = runner.store.add(NewJob("write", "write", "a", {"unheard": 1}))
        of_none, _ = runner.store.add(NewJob("gone", "write", "a", {}))
        elsewhere, _ = runner.store.add(NewJob("write", "write", "nowhere", {}))
        runner.wake()
        for job in (of_later, of_none, elsewhere):
            problem = comes_to(runner, job.id, "failed").problem
        assert problem is not None
        assert problem["code"] == "unknown-collection"
        comes_to(runner, work.ask(runner, "write"), "done")


@pytest.mark.parametrize("kind", ["write", "change", "look"])
def test_a_service_that_ends_leaves_what_it_can_to_the_next(work: Work, kind: str) -> None:
    with work.serving() as runner:
        job, waits = work.ask(runner, kind, "a"), work.ask(runner, kind, "b")
        comes_to(runner, job, "running")
    with JobStore(work.options.state) as store:
        left = store.get(job)
        assert store.get(waits).state == "queued"
        assert left.state == ("queued" if kind == "write" else "interrupted")
        if kind != "write":
            assert left.problem is not None
            assert left.problem["code"] == "interrupted"
    work.open("a", "b")
    with work.serving() as runner:
        comes_to(runner, waits, "done")
        if kind != "write":
            runner.retry(job)
        comes_to(runner, job, "done")


def test_a_service_that_was_killed_is_taken_up_where_it_was(work: Work) -> None:
    with JobStore(work.options.state) as store:  # as a kill leaves it
        jobs = {
            kind: store.add(NewJob(kind, kind, "a", {"name": kind}))[0].id for kind in work.kinds
        }
        for job in jobs.values():
            store.begin(job)
    work.open(*work.kinds)
    with work.serving() as runner:
        comes_to(runner, jobs["write"], "done")
        for kind in ("look", "other", "change"):
            assert runner.store.get(jobs[kind]).state == "interrupted"


def test_a_table_that_cannot_be_written_ends_no_worker(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.open("a", "b")
    with work.serving() as runner:
        begin, refusals = runner.store.begin, [VitrailError("the disk is full")]

        def refuse_once(name: str) -> Job:
            if refusals:
                raise refusals.pop()
            return begin(name)

        monkeypatch.setattr(runner.store, "begin", refuse_once)
        job = work.ask(runner, "look")
        until(lambda: not refusals)
        runner.wake()
        comes_to(runner, job, "done")


def test_a_disk_that_is_full_for_a_while_costs_no_more_than_it_must(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise JobTableError("the disk is full", remedy="free space")

    work.open("a")
    with work.serving() as runner:
        with monkeypatch.context() as patch:
            patch.setattr(runner.store, "tell", refuse)
            comes_to(runner, work.ask(runner, "look"), "done")  # where it is, is told to nobody
        with monkeypatch.context() as patch:
            patch.setattr(runner.store.files, "write_result", refuse)
            failed = comes_to(runner, work.ask(runner, "look"), "failed")
            assert failed.problem is not None
            assert (failed.problem["code"], failed.result) == ("job-table", False)
        comes_to(runner, work.ask(runner, "look"), "done")


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
def test_how_a_job_ended_is_put_down_once_the_disk_has_room_again(
    work: Work, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    if state != "cancelled":
        work.open("a")
    if state == "failed":
        work.kinds["look"].fails.append(InputError("no"))
    with work.serving() as runner:
        finish, refused = runner.store.finish, threading.Event()

        def refuse(*_: Any, **__: Any) -> Job:
            refused.set()
            raise JobTableError("the disk is full", remedy="free space")

        with monkeypatch.context() as patch:
            patch.setattr(runner.store, "finish", refuse)
            job = work.ask(runner, "look")
            comes_to(runner, job, "running")
            if state == "cancelled":
                runner.cancel(job)
            assert refused.wait(SECONDS)
            assert runner.store.get(job).state == "running"
        assert runner.store.finish == finish
        runner.wake()
        comes_to(runner, job, state)
        work.open("b")
        comes_to(runner, work.ask(runner, "look", "b"), "done")


def test_a_service_ends_though_it_cannot_put_down_how_a_job_ended(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = threading.Event()

    def refuse(*_: Any, **__: Any) -> Job:
        refused.set()
        raise JobTableError("the disk is full", remedy="free space")

    work.open("a")
    with monkeypatch.context() as patch, work.serving() as runner:
        patch.setattr(runner.store, "finish", refuse)
        job = work.ask(runner, "write")
        assert refused.wait(SECONDS)
    with work.serving() as runner:
        assert comes_to(runner, job, "done").tries == 2


def test_many_jobs_asked_for_by_many_threads_are_all_done_once(work: Work) -> None:
    names = [f"n{i}" for i in range(40)]
    work.open(*names)
    with work.serving() as runner:
        ids: list[str] = []

        def ask(some: list[str]) -> None:
            for number, name in enumerate(some):
                kind = ("look", "write", "change")[number % 3]
                ids.append(work.ask(runner, kind, name, "ab"[number % 2]))
                with suppress(CollectionLockedError), runner.writing("a"):
                    pass

        threads = [threading.Thread(target=ask, args=(names[i::4],)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for job in ids:
            comes_to(runner, job, "done")
        began = [name for kind in work.kinds.values() for name in kind.began]
        assert sorted(began) == sorted(names)
