"""Whatever is done with jobs, and however often the service is killed: none is lost or confused."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from vitrail.service.http.jobs.errors import JobStateError
from vitrail.service.http.jobs.records import AGAIN, PENDING, ChosenJobs, Job, JobState, NewJob
from vitrail.service.http.jobs.recovery import MOST_TRIES
from vitrail.service.http.jobs.store import JobStore

RUNS = (*PENDING, "running")
# name -> from which states, to which one, how
MOVES: dict[str, tuple[tuple[str, ...], JobState, Callable[[JobStore, str], Any]]] = {
    "begin": (PENDING, "running", lambda store, job: store.begin(job)),
    "wait": (RUNS, "waiting", lambda store, job: store.wait(job, "another", 0.0)),
    "done": (RUNS, "done", lambda store, job: store.finish(job, "done", result=True)),
    "fail": (RUNS, "failed", lambda store, job: store.finish(job, "failed")),
    "cancel": (RUNS, "cancelled", lambda store, job: store.finish(job, "cancelled")),
    "requeue": (("running",), "queued", lambda store, job: store.requeue(job)),
    "retry": (AGAIN, "queued", lambda store, job: store.retry(job)),
}
STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "kill", *MOVES]), st.integers(0, 7), st.booleans()),
    max_size=40,
)


@settings(max_examples=examples(30), deadline=None)
@given(steps=STEPS)
def test_the_table_is_what_was_done(steps: list[tuple[str, int, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = JobStore(Path(folder))
        states: dict[str, JobState] = {}
        for name, number, flag in steps:
            if name == "add":
                job, _ = store.add(NewJob("x", "ab"[flag], "c", {"n": number}))
                states[job.id] = "queued"
            elif name == "kill":  # what was told is on the disk; the lock goes with the process
                left = [store.get(one) for one, state in states.items() if state == "running"]
                store.__exit__(None, None, None)
                store = JobStore(Path(folder))
                store.recover(goes_on if flag else stays)
                for job in left:
                    again = flag and job.tries < MOST_TRIES
                    states[job.id] = "queued" if again else "interrupted"
            elif states:
                one = [*states][number % len(states)]
                sources, target, move = MOVES[name]
                before = store.get(one)
                try:
                    move(store, one)
                except JobStateError:
                    assert states[one] not in sources
                    assert store.get(one) == before
                else:
                    assert states[one] in sources
                    states[one] = target
            check(store, states)
        store.__exit__(None, None, None)


def goes_on(_: Job) -> bool:
    return True


def stays(_: Job) -> bool:
    return False


def check(store: JobStore, states: dict[str, JobState]) -> None:
    jobs = store.chosen(ChosenJobs(limit=1000))
    assert {job.id: job.state for job in jobs} == states
    assert sum(store.counts().values()) == len(states)
    for job in jobs:
        assert (job.problem is not None) == (job.state == "interrupted")
        assert (job.finished is not None) == job.is_over
        assert (job.waiting_for is not None) == (job.state == "waiting")
        assert job.result == (job.state == "done")
        assert (store.position(job) is None) == (job.state not in PENDING)
    for lane in "ab":
        waiting = store.pending(lane)
        assert [job.number for job in waiting] == sorted(job.number for job in waiting)
        places = [store.position(job) for job in waiting]
        assert places == sorted(set(places), key=lambda place: place or 0)
