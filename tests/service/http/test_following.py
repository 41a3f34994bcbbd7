"""Jobs followed over a real socket: while they run, by many, by who goes away, until the end."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.http.processes import SECONDS, answering, until
from vitrail.indexer.errors import InputError
from vitrail.service.http.jobs.records import NewJob
from vitrail.service.http.jobs.runner import JobRunner
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.security.keys import make_key, revoke_key
from vitrail.service.http.security.scopes import KeyScope
from vitrail.service.operations.progress import AnalysisProgress


class Stream:
    """The events of a job, as they come."""

    def __init__(self, port: int, job: str, last: str = "", key: str = "") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        headers = {"Last-Event-ID": last} if last else {}
        headers |= {"Authorization": f"Bearer {key}"} if key else {}
        self.connection.request("GET", f"/v1/jobs/{job}/events", headers=headers)
        self.reply = self.connection.getresponse()

    def lines(self) -> Iterator[str]:
        """Until it ends."""
        while line := self.reply.readline().decode():
            yield line.rstrip("\n")

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        told: dict[str, str] = {}
        for line in self.lines():
            name, _, value = line.partition(": ")
            if line:
                told[name] = value
            elif "data" in told:
                yield told["id"], json.loads(told["data"])
                told = {}

    def close(self) -> None:
        """Go away."""
        self.reply.close()
        self.connection.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def lets_in(port: int, key: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request("GET", "/v1/jobs", headers={"Authorization": f"Bearer {key}"})
    status = connection.getresponse().status
    connection.close()
    return status == 200


class Asking:
    """A service by its port."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        data = None if body is None else json.dumps(body)
        connection.request(method, f"/v1/{path}", data, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        told = json.loads(reply.read())
        connection.close()
        return told


@pytest.fixture
def runners(monkeypatch: pytest.MonkeyPatch) -> list[JobRunner]:
    """Those that do the jobs of the services that are begun."""
    made: list[JobRunner] = []
    enter = JobRunner.__enter__

    def note(self: JobRunner) -> JobRunner:
        made.append(self)
        return enter(self)

    monkeypatch.setattr(JobRunner, "__enter__", note)
    return made


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Maps tell a step for each release, twenty of them, and are done."""
    steps = threading.Semaphore(0)

    def draw(_: Any, __: Any, *, progress: Any, cancellation: Any) -> Any:
        for number in range(20):
            while not steps.acquire(timeout=0.01):
                cancellation.check()
            progress(AnalysisProgress("counting", number + 1, 20, "step"))
        raise InputError("that was all")

    monkeypatch.setattr("vitrail.service.operations.mapping.draw_map", draw)
    return steps


@pytest.fixture
def ask(shades: Path, tmp_path: Path, runners: list[JobRunner]) -> Iterator[Asking]:
    assert runners == []
    with answering(ServiceOptions({"c": shades}, tmp_path / "state", warm=False)) as port:
        yield Asking(port)


def test_a_job_is_followed_while_it_runs(ask: Asking, counting: threading.Semaphore) -> None:
    job = ask("POST", "map", {})["id"]
    seen, ids = [], []
    with Stream(ask.port, job) as stream:
        assert stream.reply.getheader("content-type", "").startswith("text/event-stream")
        for name, told in stream:
            ids.append(name)
            seen.append((told["state"], (told["progress"] or {}).get("done")))
            if told["state"] == "running":
                counting.release()
    assert seen[-1] == ("failed", 20)
    steps = [done for state, done in seen if state == "running" and done]
    assert steps == sorted(steps)
    assert len(steps) > 3  # while it ran, and not just at the end
    assert len({*ids}) == len(ids)
    with Stream(ask.port, job, ids[-1]) as nothing_new:
        assert (nothing_new.reply.status, nothing_new.reply.read()) == (204, b"")
    with Stream(ask.port, job, ids[0]) as from_before:
        assert [told for _, told in from_before] == [ask("GET", f"jobs/{job}")]


def test_many_follow_and_who_goes_away_costs_nothing(
    ask: Asking, counting: threading.Semaphore, runners: list[JobRunner]
) -> None:
    job = ask("POST", "map", {})["id"]
    streams = [Stream(ask.port, job) for _ in range(12)]
    first = [next(iter(stream))[1]["id"] for stream in streams]
    assert first == [job] * 12
    (runner,) = runners
    until(lambda: len(runner.watchers) == 12)
    for stream in streams[1:]:
        stream.close()
    counting.release()  # a stream notices when there is something to be told
    until(lambda: len(runner.watchers) == 1)
    ask("DELETE", f"jobs/{job}")
    *_, (_, last) = streams[0]
    assert last["state"] == "cancelled"
    streams[0].close()
    until(lambda: len(runner.watchers) == 0)


def test_a_key_that_is_revoked_hears_no_further(
    shades: Path, tmp_path: Path, counting: threading.Semaphore, runners: list[JobRunner]
) -> None:
    state = tmp_path / "state"
    (first, read), (_, other) = make_key(state, KeyScope.READ), make_key(state, KeyScope.READ)
    options = ServiceOptions({"c": shades}, state, warm=False, keys=True)
    with answering(options) as port:
        (runner,) = runners
        work = NewJob("map", "map", "c", {})
        job, _ = runner.store.add(work)
        runner.wake()
        with Stream(port, job.id, key=read) as gone, Stream(port, job.id, key=other) as kept:
            for stream in (gone, kept):
                assert any(told["state"] == "running" for _, told in stream)
            revoke_key(state, first.id)
            until(lambda: not lets_in(port, read))
            counting.release(20)
            assert [told["state"] for _, told in gone] == []
            assert [told["state"] for _, told in kept][-1] == "failed"


def test_a_stream_without_events_is_kept_alive(
    ask: Asking, counting: threading.Semaphore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.05)
    job = ask("POST", "map", {})["id"]
    comments = 0
    with Stream(ask.port, job) as stream:
        for line in stream.lines():
            comments += line == ": ping"
            if comments == 3:
                break
    counting.release(20)


def test_a_service_that_ends_ends_its_streams(
    shades: Path,
    tmp_path: Path,
    counting: threading.Semaphore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # a graceful end would wait for it for longer than `answering` does for the end
    monkeypatch.setattr("vitrail.service.http.serving.GRACE_SECONDS", 10 * SECONDS)
    with answering(ServiceOptions({"c": shades}, tmp_path / "state", warm=False)) as port:
        job = Asking(port)("POST", "map", {})["id"]
        stream = Stream(port, job)
        assert next(iter(stream))[1]["id"] == job
    stream.close()
    assert not counting.acquire(blocking=False)
