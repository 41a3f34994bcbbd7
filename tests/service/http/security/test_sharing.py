"""One key that asks for all it can leaves room for others, who are never turned away for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.service.http.conftest import is_problem
from tests.service.http.processes import until
from tests.service.http.security.test_admission import Client, asked, reads
from vitrail.service.http.app import create_app
from vitrail.service.http.jobs.places import MOST_PENDING
from vitrail.service.http.jobs.records import OVER, NewJob
from vitrail.service.http.options import Limits, ServiceOptions
from vitrail.service.http.security.callers import Caller
from vitrail.service.http.security.keys import make_key
from vitrail.service.http.security.scopes import KeyScope
from vitrail.service.http.security.sharing import Shares

Scope = dict[str, Any]


def by(key: str | None, path: str = "/v1/search", **headers: str) -> Scope:
    caller = Caller("192.0.2.1", KeyScope.READ, key)
    return {**asked(path, **headers), "state": {"caller": caller}}


def shares(limits: Limits, *, keys: bool = True) -> Shares:
    return Shares(reads, ServiceOptions({"a": Path("a")}, Path("state"), keys=keys, limits=limits))


class Asking:
    """Requests that are under way until each is let go."""

    def __init__(self, gate: Shares) -> None:
        self._gate, self._running = gate, AsyncExitStack()
        self._let: list[tuple[Client, asyncio.Task[None]]] = []

    async def ask(self, scope: Scope) -> int | None:
        """Begin to ask; the status where it was refused, ``None`` where it is under way."""
        client = Client()
        task = asyncio.create_task(self._gate(scope, client.receive, client.send))
        await asyncio.sleep(0)
        if task.done():
            assert client.sent[0]["headers"].count((b"retry-after", b"1")) == 1
            return client.status
        self._let.append((client, task))
        return None

    async def end(self, number: int = 0) -> None:
        """Let one be answered."""
        client, task = self._let.pop(number)
        client.may_send.set()
        await task
        assert client.status == 200

    async def end_all(self) -> None:
        """Let all be answered."""
        while self._let:
            await self.end()
        assert (self._gate.all.requests, self._gate.all.bytes, self._gate.own) == (0, 0, {})


@pytest.mark.parametrize("path", ["/v1/search", "/v1/jobs/1/events"])
def test_the_next_one_finds_half_of_what_is_left(path: str) -> None:
    async def main() -> None:
        asking = Asking(shares(Limits(requests=16, streams=16)))
        seen = {who: [await asking.ask(by(who, path)) for _ in range(20)] for who in "abc"}
        assert {who: all_.count(None) for who, all_ in seen.items()} == {"a": 8, "b": 4, "c": 2}
        assert {one for all_ in seen.values() for one in all_} == {None, 429}
        await asking.end()  # one of a's, which is a's again
        assert [await asking.ask(by("a", path)) for _ in range(2)] == [429, 429]
        await asking.end_all()

    asyncio.run(main())


@pytest.mark.parametrize("headers", [{"content_length": "100"}, {"transfer_encoding": "chunked"}])
def test_bodies_are_shared_by_their_size(headers: dict[str, str]) -> None:
    async def main() -> None:
        asking = Asking(shares(Limits(body=100, bodies=800)))
        assert [await asking.ask(by("a", **headers)) for _ in range(6)].count(None) == 4
        assert await asking.ask(by("a")) is None  # which brings none
        assert await asking.ask(by("b", **headers)) is None
        await asking.end_all()

    asyncio.run(main())


def test_where_all_are_taken_for_one_nothing_is_shared() -> None:
    async def main() -> None:
        limits = Limits(requests=4)
        for gate, who in ((shares(limits, keys=False), "a"), (shares(limits), None)):
            asking = Asking(gate)
            assert [await asking.ask(by(who)) for _ in range(9)] == [None] * 9
            await asking.end_all()

    asyncio.run(main())


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=60))
def test_who_holds_less_than_is_left_is_let_in(steps: list[tuple[str, bool]]) -> None:
    """Whatever others do; and nobody ever holds more than there were left when the last came."""

    async def main() -> None:
        asking, held = Asking(shares(Limits(requests=12))), ""
        for who, ends in steps:
            if ends and held:
                await asking.end()
                held = held[1:]
                continue
            left = 12 - len(held)
            refused = await asking.ask(by(who))
            assert (refused is None) == (held.count(who) == 0 or held.count(who) < left)
            held += who if refused is None else ""
        await asking.end_all()

    asyncio.run(main())


@pytest.fixture
def two(own: ServiceOptions) -> Iterator[tuple[Callable[[str], TestClient], dict[str, str]]]:
    """Clients of a service that two keys may write to, and their ids."""
    ids, texts = {}, {}
    for name in "ab":
        key, texts[name] = make_key(own.state, KeyScope.WRITE)
        ids[name] = key.id
    with ExitStack() as stack:
        app = create_app(replace(own, keys=True))
        stack.enter_context(TestClient(app, base_url="http://127.0.0.1:8000"))

        def client(name: str) -> TestClient:
            shown = {"Authorization": f"Bearer {texts[name]}"}
            return TestClient(app, base_url="http://127.0.0.1:8000", headers=shown)

        yield client, ids


def test_one_key_leaves_places_in_the_queue(
    two: tuple[Callable[[str], TestClient], dict[str, str]],
) -> None:
    client, ids = two
    a, b = client("a"), client("b")
    store = a.app.state.runner.store  # type: ignore[attr-defined]
    for _ in range(MOST_PENDING // 2):  # of a lane that nobody works in
        store.add(NewJob("map", "none", "painted", {}, (), f"key {ids['a']}"))
    refused = a.post("/v1/sample", json={"count": 2})
    told = is_problem(refused, 429, "share-taken")
    assert refused.headers["Retry-After"] == "10"
    assert "of yours wait already" in told["detail"]
    assert told["remedy"]
    job = b.post("/v1/sample", json={"count": 2})
    assert job.status_code == 202
    until(lambda: b.get(f"/v1/jobs/{job.json()['id']}").json()["state"] in OVER)
    for _ in range(MOST_PENDING // 2):
        store.add(NewJob("map", "none", "painted", {}, ()))
    full = b.post("/v1/sample", json={"count": 2})
    is_problem(full, 503, "queue-full")
    assert full.headers["Retry-After"] == "10"
