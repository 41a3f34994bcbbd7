"""Jobs in their table: every state, what is taken up again, what is forgotten, and who may open."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitrail.service.http.jobs.errors import (
    JobStateError,
    JobTableError,
    KeyReusedError,
    QueueFullError,
    ShareTakenError,
    UnknownJobError,
)
from vitrail.service.http.jobs.places import MOST_PENDING
from vitrail.service.http.jobs.records import AGAIN, OVER, ChosenJobs, Job, JobState, NewJob
from vitrail.service.http.jobs.recovery import MOST_TRIES
from vitrail.service.http.jobs.retention import KEPT, KEPT_SECONDS
from vitrail.service.http.jobs.store import JobStore
from vitrail.service.operations.uploads import UnknownUploadError


class Clock:
    """A second passes with each look."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[JobStore]:
    with JobStore(tmp_path / "state", clock) as opened:
        yield opened


def work(
    kind: str = "index", lane: str = "index", collection: str = "a", owner: str = ""
) -> NewJob:
    return NewJob(kind, lane, collection, {"root": "photos", "n": 1.5}, ("0" * 64,), owner)


def at(store: JobStore, state: JobState) -> Job:
    """A new job that has come to a state."""
    job, _ = store.add(work())
    if state == "queued":
        return job
    if state == "waiting":
        return store.wait(job.id, "job x", 0.0)
    job = store.begin(job.id)
    return job if state == "running" else store.finish(job.id, state)


def test_a_job_is_kept_as_it_was_asked_for(store: JobStore) -> None:
    job, new = store.add(work())
    assert new
    assert store.get(job.id) == job
    assert (job.work, job.state, job.tries, job.result) == (work(), "queued", 0, False)
    assert job.created.timestamp() == pytest.approx(1_000_001)
    with pytest.raises(UnknownJobError, match="no job 'f00'"):
        store.get("f00")


def test_what_is_told_is_there_after_the_table_is_opened_again(tmp_path: Path) -> None:
    with JobStore(tmp_path) as store:
        job, _ = store.add(work())
        store.begin(job.id)
        store.tell(job.id, {"stage": "scanning", "done": 3}, ["one"])
        ended = store.finish(job.id, "failed", problem={"code": "x", "detail": "y"}, result=True)
    with JobStore(tmp_path) as store:
        assert store.get(job.id) == ended
        assert (ended.progress, ended.notes) == ({"stage": "scanning", "done": 3}, ("one",))
        assert ended.problem == {"code": "x", "detail": "y"}
        assert (ended.tries, ended.result, ended.is_over) == (1, True, True)


def test_places_are_by_lane_and_the_order_of_asking(store: JobStore) -> None:
    first, _ = store.add(work())
    other, _ = store.add(work("map", "map"))
    second, _ = store.add(work())
    assert [store.position(job) for job in (first, other, second)] == [0, 0, 1]
    running = store.begin(first.id)
    assert store.position(running) is None
    assert store.position(second) == 1  # it still has to wait for that one
    store.finish(first.id, "done")
    assert store.position(second) == 0
    assert [job.id for job in store.pending("index")] == [second.id]
    assert store.counts() == {"done": 1, "queued": 2}


def test_lists_are_chosen_and_paged(store: JobStore) -> None:
    jobs = [store.add(work("map", "map", "ab"[i % 2]))[0] for i in range(5)]
    store.finish(jobs[4].id, "cancelled")
    found = store.chosen(ChosenJobs(limit=2))
    assert [job.id for job in found] == [jobs[4].id, jobs[3].id]
    rest = store.chosen(ChosenJobs(before=found[-1].number))
    assert [job.id for job in rest] == [jobs[2].id, jobs[1].id, jobs[0].id]
    assert [j.id for j in store.chosen(ChosenJobs(states=("cancelled", "done")))] == [jobs[4].id]
    assert [j.id for j in store.chosen(ChosenJobs(collection="b"))] == [jobs[3].id, jobs[1].id]
    assert store.chosen(ChosenJobs(kinds=("index",))) == []


@pytest.mark.parametrize("state", ["queued", "waiting", "running", *OVER])
def test_every_state_goes_only_where_it_may(store: JobStore, state: JobState) -> None:
    job = at(store, state)
    may = {
        "begin": state in ("queued", "waiting"),
        "wait": state in ("queued", "waiting", "running"),
        "finish": state in ("queued", "waiting", "running"),
        "requeue": state == "running",
        "retry": state in AGAIN,
    }
    calls = {
        "begin": lambda: store.begin(job.id),
        "wait": lambda: store.wait(job.id, "b", 1.0),
        "finish": lambda: store.finish(job.id, "done"),
        "requeue": lambda: store.requeue(job.id),
        "retry": lambda: store.retry(job.id),
    }
    for name, allowed in may.items():
        if not allowed:
            with pytest.raises(JobStateError, match=f"{job.id} is {state}"):
                calls[name]()
            assert store.get(job.id) == job, name
    for name, allowed in may.items():
        if allowed:
            calls[name]()
            return


def test_a_try_that_met_another_writer_does_not_count(store: JobStore) -> None:
    job = at(store, "running")
    waiting = store.wait(job.id, "process 17", 5.0)
    assert (waiting.state, waiting.waiting_for, waiting.tries) == ("waiting", "process 17", 0)
    assert waiting.not_before > 1_000_005
    begun = store.begin(job.id)
    assert (begun.tries, begun.waiting_for, begun.not_before) == (1, None, 0.0)


@pytest.mark.parametrize("state", ["queued", "waiting", "running", *OVER])
@pytest.mark.parametrize("resumable", [True, False])
def test_a_service_that_begins_takes_up_what_ran(
    tmp_path: Path, state: JobState, resumable: bool
) -> None:
    with JobStore(tmp_path) as store:
        job = at(store, state)
    with JobStore(tmp_path) as store:
        taken = store.recover(lambda _: resumable)
        now = store.get(job.id)
    if state != "running":
        assert taken == []
        assert now == job
    elif resumable:
        assert taken == [now]
        assert (now.state, now.tries, now.problem) == ("queued", 1, None)
    else:
        assert taken == [now]
        assert (now.state, now.finished is not None) == ("interrupted", True)
        assert now.problem is not None
        assert now.problem["code"] == "interrupted"
        assert "ended while this job ran" in now.problem["detail"]


def test_a_job_that_ends_the_service_each_time_is_not_tried_for_ever(tmp_path: Path) -> None:
    with JobStore(tmp_path) as store:
        job, _ = store.add(work())
    for tries in range(1, MOST_TRIES + 1):
        with JobStore(tmp_path) as store:
            store.recover(lambda _: True)
            assert store.begin(job.id).tries == tries
    with JobStore(tmp_path) as store:
        (taken,) = store.recover(lambda _: True)
        assert (taken.state, taken.tries) == ("interrupted", MOST_TRIES)
        assert taken.problem is not None
        assert f"each of the {MOST_TRIES} times" in taken.problem["detail"]
        assert store.retry(job.id).tries == 0  # who tries it again knows


def test_a_key_makes_one_job(store: JobStore) -> None:
    job, new = store.add(work(), key="k", digest="d")
    assert new
    assert store.add(work(), key="k", digest="d") == (job, False)
    with pytest.raises(KeyReusedError, match="'k'"):
        store.add(work(), key="k", digest="e")
    again, new = store.add(work(), key="l", digest="d")
    assert new
    assert again.id != job.id
    assert len(store.chosen(ChosenJobs())) == 2


def test_no_more_wait_than_can(store: JobStore) -> None:
    for _ in range(MOST_PENDING):
        store.add(work())
    with pytest.raises(QueueFullError, match=f"{MOST_PENDING} jobs wait"):
        store.add(work())
    store.begin(store.pending("index")[0].id)
    store.add(work())


def fill(store: JobStore, owner: str) -> int:
    """Ask for jobs until one is refused; how many were taken."""
    for taken in range(MOST_PENDING + 1):
        try:
            store.add(work(owner=owner))
        except ShareTakenError:
            return taken
    raise AssertionError


def test_nobody_takes_the_places_that_others_need(store: JobStore) -> None:
    assert fill(store, "key a") == MOST_PENDING // 2
    assert fill(store, "key a") == 0  # neither later on
    assert fill(store, "key b") == MOST_PENDING // 4
    assert fill(store, "key c") == MOST_PENDING // 8
    ended = store.finish(store.pending("index")[0].id, "cancelled")
    assert ended.work.owner == "key a"
    with pytest.raises(ShareTakenError, match="of yours wait already"):
        store.retry(ended.id, "key b")  # it would be b's, who holds as many as are left
    assert store.get(ended.id) == ended
    assert store.retry(ended.id, "key d").work.owner == "key d"


def test_a_job_that_is_tried_again_needs_a_place(store: JobStore) -> None:
    ended = at(store, "cancelled")
    for _ in range(MOST_PENDING):
        store.add(work())
    with pytest.raises(QueueFullError):
        store.retry(ended.id)
    assert store.get(ended.id).state == "cancelled"


def test_jobs_of_before_there_were_owners_are_nobodys(tmp_path: Path) -> None:
    with JobStore(tmp_path) as store:
        job, _ = store.add(work(owner="key a"))
    with sqlite3.connect(tmp_path / "jobs.sqlite") as connection:
        connection.execute("ALTER TABLE jobs DROP COLUMN owner")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    for _ in range(2):  # made new, and as it is then
        with JobStore(tmp_path) as store:
            assert store.get(job.id).work == work()
            added, _ = store.add(work(owner="key a"))
            assert store.get(added.id).work.owner == "key a"


def test_what_has_been_over_for_long_is_forgotten(store: JobStore, clock: Clock) -> None:
    old, _ = store.add(work(), key="k", digest="d")
    store.finish(old.id, "done", result=True)
    store.files.write_result(old.id, b"{}")
    waits = at(store, "queued")
    name = store.files.inputs.put(b"an image")
    needs, _ = store.add(NewJob("style", "generation", "a", {}, (name,)))
    spare = store.files.inputs.put(b"another image")
    for path in (store.files.result(old.id), *(store.directory / "jobs" / "inputs").glob("*/*")):
        os.utime(path, (0, 0))
    assert store.prune() == 0
    assert store.files.result(old.id).exists()
    assert store.files.inputs.get(name).data == b"an image"
    with pytest.raises(UnknownUploadError, match=spare):
        store.files.inputs.get(spare)

    clock.now += KEPT_SECONDS
    young = at(store, "done")
    assert store.prune() == 1
    assert not store.files.result(old.id).exists()
    assert {job.id for job in store.chosen(ChosenJobs())} == {waits.id, needs.id, young.id}
    assert store.add(work(), key="k", digest="e")[1]  # the key went with its job


def test_of_many_that_are_over_the_last_are_kept(store: JobStore) -> None:
    jobs = [at(store, "done") for _ in range(KEPT + 3)]
    assert store.prune() == 3
    kept = {job.id for job in store.chosen(ChosenJobs(limit=10_000))}
    assert kept == {job.id for job in jobs[3:]}


def test_of_large_ones_the_last_are_kept(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitrail.service.http.jobs.retention.KEPT_BYTES", 1000)
    jobs = []
    for number in range(4):
        token = store.files.inputs.put(bytes([number]) * 300)
        job, _ = store.add(NewJob("style", "generation", "a", {}, (token,)))
        store.files.write_result(job.id, b"x" * 100)
        jobs.append(store.finish(job.id, "done", result=True).id)
    waits, _ = store.add(NewJob("style", "generation", "a", {}, (token,)))
    assert store.prune() == 2
    assert {job.id for job in store.chosen(ChosenJobs())} == {*jobs[2:], waits.id}
    monkeypatch.setattr("vitrail.service.http.jobs.retention.KEPT_BYTES", 1)
    assert store.prune() == 1  # the last one stays, however large it is


def test_one_service_at_a_time_has_a_folder(tmp_path: Path) -> None:
    with JobStore(tmp_path / "state"), pytest.raises(JobTableError, match="another service uses"):
        JobStore(tmp_path / "state")
    JobStore(tmp_path / "state").__exit__(None, None, None)


def test_a_killed_service_leaves_the_folder_free_and_what_it_told(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from vitrail.service.http.jobs.store import JobStore\n"
        "from vitrail.service.http.jobs.records import NewJob\n"
        "store = JobStore(Path(sys.argv[1]))\n"
        "for i in range(20):\n"
        "    job, _ = store.add(NewJob('index', 'index', 'a', {'i': i}))\n"
        "    print(job.id, flush=True)\n"
        "store.begin(job.id); print('begun', flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    *ids, begun = done.stdout.split()
    assert (len(ids), begun) == (20, "begun"), done.stderr
    with JobStore(tmp_path) as store:
        assert [job.id for job in reversed(store.chosen(ChosenJobs()))] == ids
        (taken,) = store.recover(lambda _: True)
        assert taken.id == ids[-1]


def test_a_damaged_table_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"no database at all, but long enough to be read" * 50)
    before = (tmp_path / "jobs.sqlite").read_bytes()
    with pytest.raises(JobTableError, match=r"is damaged: .*; move it away") as refused:
        JobStore(tmp_path)
    assert "\n" not in str(refused.value)
    assert (tmp_path / "jobs.sqlite").read_bytes() == before


def test_a_newer_table_is_refused_in_a_line(tmp_path: Path) -> None:
    with JobStore(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "jobs.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(JobTableError, match="format 99, and this version knows 2"):
        JobStore(tmp_path)


def test_a_folder_that_is_none_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(JobTableError, match="--state"):
        JobStore(tmp_path / "state")


def test_prompts_are_nobody_elses(tmp_path: Path) -> None:
    with JobStore(tmp_path / "state"):
        assert (tmp_path / "state" / "jobs.sqlite").stat().st_mode & 0o077 == 0


def test_no_job_is_taken_into_a_table_that_was_taken_away(tmp_path: Path, store: JobStore) -> None:
    job, _ = store.add(work())
    assert store.is_there
    state = tmp_path / "state"
    state.rename(tmp_path / "away")
    for folder_is_there in (False, True):  # as the audit log makes it anew
        if folder_is_there:
            state.mkdir()
            (state / "jobs.sqlite").write_bytes(b"")
        with pytest.raises(JobTableError, match="taken away"):
            store.add(work())
    (state / "jobs.sqlite").unlink()
    state.rmdir()
    (tmp_path / "away").rename(state)
    assert store.add(work())[0].id != store.get(job.id).id
