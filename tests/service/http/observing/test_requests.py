"""Each request has an id, is counted, and fails in a reply that tells nothing of the inside."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from vitrail.service.http.observing.metrics import Metrics
from vitrail.service.http.observing.requests import Observer
from vitrail.service.http.problems import MEDIA_TYPE


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def client(metrics: Metrics) -> TestClient:
    app = FastAPI(middleware=[Middleware(Observer, metrics)])

    def fail() -> None:
        raise RuntimeError("/home/ada/secret is not what it was")

    def answer(number: int) -> int:
        return number

    app.add_api_route("/fail", fail)
    app.add_api_route("/numbers/{number}", answer)
    return TestClient(app)


def test_an_id_is_made_or_taken_and_given_back(client: TestClient) -> None:
    ids = {client.get("/numbers/1").headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    for given, taken in (("mine-1", True), ("a b", False), ("x" * 65, False), ("é", False)):
        header = {b"X-Request-Id": given.encode("latin-1")}
        answer = client.get("/numbers/1", headers=header)
        assert (answer.headers["x-request-id"] == given) is taken


def test_what_nobody_foresaw_is_a_problem_and_a_line(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "vitrail.service"):
        failed = client.get("/fail")
    assert (failed.status_code, failed.headers["content-type"]) == (500, MEDIA_TYPE)
    id_ = failed.headers["x-request-id"]
    assert failed.json()["code"] == "unforeseen"
    assert id_ in failed.json()["remedy"]
    assert "ada" not in failed.text
    told = next(one for one in caplog.records if one.getMessage() == "unforeseen")
    assert told.exc_info is not None
    assert told.__dict__["facts"] == {"request": id_}


def test_requests_are_counted_by_what_was_asked_for(client: TestClient, metrics: Metrics) -> None:
    for number in range(5):
        client.get(f"/numbers/{number}")
    client.get("/no/such")
    client.request("BREW", "/numbers/1")
    client.get("/fail")
    text = metrics.text().decode()
    row = 'vitrail_requests_total{method="GET",operation="answer",status="200"} 5.0'
    assert row in text
    assert 'operation="none",status="404"} 1.0' in text
    assert 'method="other"' in text
    assert 'status="500"} 1.0' in text
    assert "vitrail_requests_in_flight 0.0" in text


def test_a_reply_that_breaks_off_does_not_pass_for_a_whole_one(metrics: Metrics) -> None:
    async def breaks(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("half way")

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    scope: Any = {"type": "http", "method": "GET", "path": "/", "headers": [], "client": None}
    with pytest.raises(RuntimeError, match="half way"):
        asyncio.run(Observer(breaks, metrics)(scope, receive, send))
    assert sent == ["http.response.start"]
