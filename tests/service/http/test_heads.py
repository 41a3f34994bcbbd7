"""HEAD: at every address what GET tells, without a body, and without waiting for one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from tests.service.http.conftest import is_problem
from vitrail.service.http.heads import HeadReplies
from vitrail.service.operations.originals import Original

PAGES = ("/", "/map", "/docs", "/assets/app.js", "/v1/openapi.json")
ADDRESSES = (
    *("/v1/livez", "/v1/readyz", "/v1/collections", "/v1/collection", "/v1/columns", "/v1/images"),
    *("/v1/images/1", "/v1/images/1/file", "/v1/images/1/thumbnail", "/v1/images/1/recipe"),
    *("/v1/jobs", "/v1/session", "/v1/metrics", "/v1/images/99", "/v1/nothing", "/v1/search"),
)
_CHANGING = ("x-request-id", "content-length", "date")


@pytest.mark.parametrize("address", [*PAGES, *ADDRESSES])
def test_a_head_is_that_of_a_get(reader: TestClient, address: str) -> None:
    whole, head = reader.get(address), reader.head(address)
    assert head.status_code == whole.status_code
    assert head.content == b""
    told, said = (
        {k: v for k, v in one.headers.items() if k not in _CHANGING} for one in (head, whole)
    )
    assert told == said
    assert "content-length" in head.headers


def test_a_file_tells_its_size_and_is_not_read_to_be_sent(
    reader: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(reader.get("/v1/images/1/file").content)
    opened = list[Original]()
    plain = Original.close

    def close(original: Original) -> None:
        opened.append(original)
        plain(original)

    def chunks(_: Original) -> Any:
        raise AssertionError("nobody asked for its bytes")

    monkeypatch.setattr(Original, "close", close)
    monkeypatch.setattr(Original, "chunks", lambda original: (chunks(original) for _ in [0]))
    assert reader.head("/v1/images/1/file").headers["content-length"] == str(size)
    assert len(opened) == 1


def test_what_may_be_kept_is_told(reader: TestClient) -> None:
    tag = reader.head("/v1/images/1/thumbnail").headers["etag"]
    known = reader.head("/v1/images/1/thumbnail", headers={"If-None-Match": tag})
    assert known.status_code == 304
    is_problem(reader.get("/v1/images/99/thumbnail"), 404, "not-found")


def test_nobody_waits_for_a_stream_that_does_not_end() -> None:
    ended = list[str]()

    async def endless(scope: Scope, _: Receive, send: Send) -> None:
        assert scope["method"] == "GET"
        scope["route"] = "events"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
                await asyncio.sleep(0)
        finally:
            ended.append("ended")

    sent = list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope: Scope = {"type": "http", "method": "HEAD"}
    asyncio.run(asyncio.wait_for(HeadReplies(endless)(scope, receive, send), 5))
    assert [one["type"] for one in sent] == ["http.response.start", "http.response.body"]
    assert sent[1] == {"type": "http.response.body", "body": b""}
    assert (scope["method"], scope["route"], ended) == ("HEAD", "events", ["ended"])
