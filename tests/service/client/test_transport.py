"""What is asked again and what is not, and what a service can do wrong."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from tests.service.http.processes import until
from vitrail.indexer.errors import ImageRejectedError, InputError, VitrailError
from vitrail.service.client.client import Client
from vitrail.service.client.errors import ServiceError, error_of
from vitrail.service.client.transport import TRIES, Transport, checked_url

Answer = tuple[int, dict[str, str], bytes]
JSON = {"Content-Type": "application/json"}
PROBLEM = {"Content-Type": "application/problem+json"}
BUSY = json.dumps({"status": 503, "code": "busy", "detail": "no room", "remedy": "wait"}).encode()


@contextmanager
def giving(answer: Callable[[int], Answer]) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """A server that gives what is said for its n-th request; its address, and what was asked."""
    asked: list[tuple[str, str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append((self.command, self.path, self.headers.get("Authorization") or ""))
            status, headers, body = answer(len(asked))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            with suppress(ConnectionError):  # who asked may have had enough
                self.end_headers()
                self.wfile.write(body)

        do_GET = do_POST = do_DELETE = handle_one

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was waited, without waiting."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


@pytest.mark.parametrize("status", [429, 503])
def test_a_read_is_asked_again_when_the_service_says(status: int, waits: list[float]) -> None:
    def answer(number: int) -> Answer:
        if number < 3:
            return status, {**PROBLEM, "Retry-After": str(number)}, BUSY
        return 200, JSON, b'{"collections": []}'

    with giving(answer) as (url, asked), Client(url, "secret") as client:
        assert client.collections() == []
    assert waits == [1, 2]
    assert asked == [("GET", "/v1/collections", "Bearer secret")] * 3


def test_it_is_not_asked_for_ever(waits: list[float]) -> None:
    with giving(lambda _: (503, {**PROBLEM, "Retry-After": "1"}, BUSY)) as (url, asked):
        with Client(url) as client, pytest.raises(ServiceError, match="no room; wait") as met:
            client.collections()
        assert met.value.code == "busy"
        assert len(asked) == TRIES


def test_a_wait_too_long_is_not_waited(waits: list[float]) -> None:
    with giving(lambda _: (503, {**PROBLEM, "Retry-After": "3600"}, BUSY)) as (url, asked):
        with Client(url) as client, pytest.raises(ServiceError, match="no room"):
            client.collections()
        assert (len(asked), waits) == (1, [])


def test_what_changes_something_is_sent_once(waits: list[float]) -> None:
    with giving(lambda _: (503, {**PROBLEM, "Retry-After": "0"}, BUSY)) as (url, asked):
        with Client(url) as client:
            for change in (
                lambda: client.annotate([1], {"stars": 1}),
                lambda: client.generate("a fox"),
                lambda: client.remove(1),
            ):
                with pytest.raises(ServiceError, match="no room"):
                    change()
        assert [method for method, _, _ in asked] == ["POST", "POST", "DELETE"]
    assert waits == []


@pytest.mark.parametrize(
    ("body", "parameters"),
    [
        ({"min_score": float("nan")}, None),
        ({"spaces": {"gem@9": float("inf")}}, None),
        ({"where": "label = '\ud800'"}, None),
        ({}, {"where": "label = '\ud800'"}),
    ],
)
def test_what_no_request_can_hold_is_refused(
    body: dict[str, object], parameters: dict[str, str] | None
) -> None:
    with giving(lambda _: (200, JSON, b"{}")) as (url, asked):
        transport = Transport(url, None, 5)
        with pytest.raises(InputError, match="cannot be sent") as raised:
            transport.ask("search", body, parameters)
        assert "finite" in raised.value.remedy
        assert asked == []
        transport.close()


def test_nobody_there_is_told_with_the_remedy(waits: list[float]) -> None:
    with giving(lambda _: (200, JSON, b"{}")) as (url, _):
        pass
    with Client(url) as client:
        with pytest.raises(ServiceError, match="vitrail serve") as met:
            client.collections()
        assert met.value.code == "unreachable"
        assert waits == [0.25, 0.5, 1.0]
        with pytest.raises(ServiceError, match=url):
            client.remove(1)
    assert len(waits) == 3


@pytest.mark.parametrize(
    ("status", "headers", "body", "says"),
    [
        (200, JSON, b"<html>", "no JSON"),
        (200, JSON, b'{"images": 3}', "cannot be read"),
        (200, JSON, b"[]", "cannot be read"),
        (200, JSON, b'{"collections": [{"name": "x"}]}', "cannot be read"),
        (404, {"Content-Type": "text/html"}, b"<html>", "status 404"),
        (302, {"Location": "http://127.0.0.1:1/"}, b"", "status 302"),
        (500, PROBLEM, b"[]", "status 500"),
    ],
)
def test_what_is_no_service_is_told(
    status: int, headers: dict[str, str], body: bytes, says: str
) -> None:
    with (
        giving(lambda _: (status, headers, body)) as (url, _),
        Client(url, "secret") as client,
        pytest.raises(ServiceError, match=says) as met,
    ):
        client.collections()
    assert met.value.code == "foreign"
    assert "secret" not in str(met.value)


def test_a_slow_service_is_told() -> None:
    gate = threading.Event()

    def answer(_: int) -> Answer:
        gate.wait(60)
        return 200, JSON, b"{}"

    with giving(answer) as (url, asked):
        with Client(url, timeout=0.2) as client, pytest.raises(ServiceError, match=r"0\.2 s"):
            client.collections()
        gate.set()
        until(lambda: asked)
    assert len(asked) == 1


@pytest.mark.parametrize(("timeout", "connect"), [(0.5, 0.5), (60.0, 10.0)])
def test_no_step_may_take_longer_than_the_timeout(
    timeout: float, connect: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[httpx2.Timeout] = []

    def request(*_: object, timeout: httpx2.Timeout, **__: object) -> httpx2.Response:
        seen.append(timeout)
        return httpx2.Response(200, json={"collections": []})

    monkeypatch.setattr(httpx2.Client, "request", request)
    with Client("http://127.0.0.1:8000", timeout=timeout) as client:
        client.collections()
    assert [(one.connect, one.read) for one in seen] == [(connect, timeout)]

    def unconnected(*_: object, **__: object) -> httpx2.Response:
        raise httpx2.ConnectTimeout("")

    monkeypatch.setattr(httpx2.Client, "request", unconnected)
    told = pytest.raises(ServiceError, match=rf"within {connect:g} s")
    with Client("http://127.0.0.1:8000", timeout=timeout) as client, told:
        client.collections()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8000",
        "ftp://x",
        "http://",
        "http://x:99999",
        "http://me:pw@x",
        "http://x?a=1",
    ],
)
def test_no_address_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="address"):
        Client(url)


@pytest.mark.parametrize("key", ["", " ", "schlüssel", "two\nlines"])
def test_no_key_is_refused(key: str) -> None:
    with pytest.raises(InputError, match="key"):
        Client("http://127.0.0.1:8000", key)


def test_no_time_is_refused() -> None:
    with pytest.raises(InputError, match="timeout"):
        Transport("http://127.0.0.1:8000", None, 0)
    assert checked_url(" https://gallery.example/vitrail/ ") == "https://gallery.example/vitrail"


def test_each_code_becomes_its_error() -> None:
    rejected = error_of(
        {"code": "bad-image", "detail": "truncated: it ends", "reason": "truncated"}
    )
    assert isinstance(rejected, ImageRejectedError)
    assert (rejected.reason, rejected.detail) == ("truncated", "it ends")
    refused = error_of({"code": "over-limit", "detail": "too many", "status": 422})
    assert isinstance(refused, InputError)
    assert refused.code == "over-limit"
    for kind in _kinds(VitrailError):
        if kind.__module__ == "vitrail.indexer.errors" and kind.code != "damaged-index":
            assert type(error_of({"code": kind.code, "detail": "x: y", "reason": "x"})) is kind


def _kinds(kind: type[VitrailError]) -> Iterator[type[VitrailError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)
