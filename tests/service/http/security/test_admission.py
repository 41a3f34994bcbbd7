"""A flood, and clients that are slow, are turned away and leave nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from fastapi import HTTPException

from vitrail.service.http.options import Limits
from vitrail.service.http.security.admission import Admission

Messages = list[MutableMapping[str, Any]]


def asked(path: str = "/v1/search", **headers: str) -> dict[str, Any]:
    told = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "POST", "path": path, "headers": told, "root_path": ""}


async def reads(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})


class Client:
    """Sends its body when it is told to."""

    def __init__(self) -> None:
        self.may_send = asyncio.Event()
        self.sent: Messages = []

    async def receive(self) -> dict[str, Any]:
        await self.may_send.wait()
        return {"type": "http.request", "body": b"x", "more_body": False}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])


async def flood(gate: Admission, scopes: list[dict[str, Any]]) -> list[Client]:
    """All at once, and let go when all are there."""
    clients = [Client() for _ in scopes]
    running = [
        asyncio.create_task(gate(scope, one.receive, one.send))
        for scope, one in zip(scopes, clients, strict=True)
    ]
    await asyncio.sleep(0)
    for one in clients:
        one.may_send.set()
    await asyncio.gather(*running)
    return clients


def test_no_more_are_answered_at_once_than_there_is_room_for() -> None:
    async def main() -> None:
        gate = Admission(reads, Limits(requests=4))
        seen = await flood(gate, [asked() for _ in range(100)])
        assert sorted(one.status for one in seen) == [200] * 4 + [503] * 96
        refused = next(one for one in seen if one.status == 503)
        assert (b"retry-after", b"1") in refused.sent[0]["headers"]
        assert gate.requests == gate.bytes == 0
        assert [one.status for one in await flood(gate, [asked()] * 4)] == [200] * 4
        assert [one.status for one in await flood(gate, [asked("/v1/livez")] * 9)] == [200] * 9

    asyncio.run(main())


@pytest.mark.parametrize("headers", [{"content_length": "100"}, {"transfer_encoding": "chunked"}])
def test_bodies_take_no_more_memory_than_they_may(headers: dict[str, str]) -> None:
    async def main() -> None:
        gate = Admission(reads, Limits(body=100, bodies=250))
        seen = await flood(gate, [asked(**headers) for _ in range(10)])
        assert sorted(one.status for one in seen) == [200] * 2 + [503] * 8
        # what brings no body is still let in, and a bound below one body refuses nothing for good
        narrow = Admission(reads, Limits(body=100, bodies=50))
        seen = await flood(narrow, [asked(**headers), asked(), asked(**headers)])
        assert [one.status for one in seen] == [200, 200, 503]

    asyncio.run(main())


@pytest.mark.parametrize("told", [True, False])
def test_a_body_is_not_read_beyond_its_bound(told: bool) -> None:
    async def main() -> None:
        gate, taken = Admission(reads, Limits(body=10)), 0

        async def receive() -> dict[str, Any]:
            nonlocal taken
            taken += 1
            return {"type": "http.request", "body": b"xxx", "more_body": True}

        sent: Messages = []

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        headers = {"content_length": "11"} if told else {"transfer_encoding": "chunked"}
        try:
            await gate(asked(**headers), receive, send)
            status = int(sent[0]["status"])
        except HTTPException as error:
            status = error.status_code
        assert (status, taken) == (413, 0 if told else 4)
        assert gate.requests == gate.bytes == 0

    asyncio.run(main())


@pytest.mark.parametrize("path", ["/login", "/v1/session"])
def test_strangers_that_begin_to_log_in_take_no_room_from_others(path: str) -> None:
    async def main() -> None:
        limits = Limits(requests=2, logins=2, bodies=100 << 20, head_seconds=0.05)
        gate, slow = Admission(reads, limits), [Client() for _ in range(9)]
        begun = [
            asyncio.create_task(gate(asked(path, transfer_encoding="chunked"), c.receive, c.send))
            for c in slow
        ]
        await asyncio.sleep(0)
        assert gate.logins == 2  # that say nothing further
        others = [asked(transfer_encoding="chunked")] * 2
        assert [one.status for one in await flood(gate, others)] == [200] * 2
        ended = await asyncio.gather(*begun, return_exceptions=True)
        assert [error.status_code for error in ended if isinstance(error, HTTPException)] == [
            408
        ] * 2
        assert gate.logins == gate.bytes == 0
        (large,) = await flood(gate, [asked(path, content_length="4097")])
        assert large.status == 413

    asyncio.run(main())


def test_streams_have_room_of_their_own() -> None:
    async def main() -> None:
        gate = Admission(reads, Limits(requests=1, streams=2))
        scopes = [asked("/v1/jobs/1/events")] * 3 + [asked()] * 2
        assert [one.status for one in await flood(gate, scopes)] == [200, 200, 503, 200, 503]

    asyncio.run(main())


def test_a_body_that_does_not_arrive_is_given_up() -> None:
    async def main() -> None:
        gate, client = Admission(reads, Limits(body_seconds=0.05)), Client()
        with pytest.raises(HTTPException) as raised:
            await gate(asked(content_length="5"), client.receive, client.send)
        assert raised.value.status_code == 408
        assert gate.requests == gate.bytes == 0

    asyncio.run(main())


def test_a_reply_that_nobody_takes_is_given_up() -> None:
    async def main() -> None:
        gate, client = Admission(reads, Limits(send_seconds=0.05)), Client()
        client.may_send.set()

        async def stuck(_message: object) -> None:
            await asyncio.Event().wait()

        with pytest.raises(TimeoutError):
            await gate(asked(), client.receive, stuck)
        assert gate.requests == 0

    asyncio.run(main())
