"""Bodies of every wrong kind, and clients that misbehave, by real sockets: the service stays up."""

from __future__ import annotations

import base64
import http.client
import json
import os
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.badfiles import make_bad_folder
from tests.examples import examples
from tests.service.http.colours import painting, png
from tests.service.http.processes import SECONDS, answering, until
from vitrail.service.http.options import Limits, ServiceOptions
from vitrail.service.http.problems import MEDIA_TYPE

# Starlette leaves the spooled file of a form that breaks off to the garbage collector.
TORN_FORMS = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
LIMITS = Limits(body=1 << 20, pixels=4_000_000, body_seconds=1, requests=8, bodies=4 << 20)
BOUNDARY = "frontier"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("attacked")
    with painting(folder) as collection:
        options = ServiceOptions({"colours": collection}, folder / "state", limits=LIMITS)
        with answering(options) as port:
            yield port


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, str]]:
    """Name of each bad file -> its bytes, and why it is refused; those that are files."""
    folder = tmp_path_factory.mktemp("bad")
    told = make_bad_folder(folder)
    paths = ((name, folder / name) for name in told)
    return {name: (path.read_bytes(), told[name]) for name, path in paths if path.is_file()}


def ask(
    port: int, path: str, body: bytes = b"", kind: str | None = None, method: str = "POST"
) -> tuple[int, Any]:
    """Status, and what the reply says."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request(method, path, body, {} if kind is None else {"Content-Type": kind})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status >= 400:
            assert answer.getheader("content-type") == MEDIA_TYPE, said
        return answer.status, json.loads(said) if said else None
    finally:
        connection.close()


def lives(port: int) -> bool:
    return ask(port, "/v1/search", json.dumps({"positive": [{"id": 1}]}).encode(), JSON)[0] == 200


JSON = "application/json"


def form(data: bytes, name: str = "a.png", field: str = "image") -> bytes:
    head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
    return (
        f"--{BOUNDARY}\r\n{head}Content-Type: image/png\r\n\r\n".encode()
        + data
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )


def test_every_bad_image_is_refused_with_its_reason(
    port: int, bad: dict[str, tuple[bytes, str]]
) -> None:
    assert len(bad) > 15
    for name, (data, reason) in bad.items():
        in_base64 = {"positive": [{"data": base64.b64encode(data).decode()}]}
        for path, body, kind in (
            ("/v1/uploads", data, "image/png"),
            ("/v1/uploads", form(data), FORM),
            ("/v1/search/image", form(data), FORM),
            ("/v1/search", json.dumps(in_base64).encode(), JSON),
        ):
            status, told = ask(port, path, body, kind)
            assert status == 422, (name, path, told)
            assert told["code"] == "unusable-image", (name, path, told)
            assert told["reason"] == reason, (name, path, told)
    assert lives(port)


def test_a_file_that_runs_in_browsers_is_no_image(port: int) -> None:
    for data in (
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a/*<svg/onload=alert(1)>*/=1;",
    ):
        status, told = ask(port, "/v1/uploads", data, "image/png")
        assert (status, told["code"]) == (422, "unusable-image")


@TORN_FORMS
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", FORM),
        (b"", "multipart/form-data"),
        (form(png())[:40], FORM),
        (form(png())[:-30], FORM),
        (form(png()), "multipart/form-data; boundary=other"),
        (form(png()), "multipart/form-data; boundary="),
        (form(png()) * 2, FORM),
        (form(png(), field="x" * 10_000), FORM),
        (form(png(), name="../../etc/passwd\x00.png"), FORM),
        (b"--frontier\r\n" + b"X: y\r\n" * 5_000 + b"\r\n\r\n--frontier--", FORM),
        (b"--frontier\r\n\r\n" * 2_000, FORM),
        (b"\xff" * 1000, JSON),
        (b"[" * 100_000, JSON),
        (b'{"positive": ' + b"[" * 50_000, JSON),
        (b'{"positive": [{"id": 1e999}]}', JSON),
        (b'{"positive": [{"id": NaN}]}', JSON),
        (b'{"positive": [{"id": 1}], "k": 1, "k": "x"}', JSON),
        (b'{"positive": [{"id": ' + b"9" * 5_000 + b"}]}", JSON),
        (b'{"positive": [{"vector": {"mean@1": [null]}}]}', JSON),
        (b'{"positive": [{"id": 1}]}', "text/plain"),
        (b'{"positive": [{"id": 1}]}', "application/x-www-form-urlencoded"),
        (b'{"positive": [{"id": 1}]}', "application/json; charset=utf-16"),
    ],
)
def test_a_body_of_a_wrong_kind_is_refused(port: int, body: bytes, kind: str) -> None:
    for path in ("/v1/uploads", "/v1/search", "/v1/search/image", "/v1/annotations", "/v1/jobs"):
        status, told = ask(port, path, body, kind)
        plain = path == "/v1/search" and kind.endswith("utf-16")  # JSON is UTF-8 whatever it says
        whole = path in ("/v1/uploads", "/v1/search/image") and status in (200, 201)
        assert plain or whole or 400 <= status < 500, (path, status, told)
    assert lives(port)


@TORN_FORMS
@settings(max_examples=examples(60))
@given(data=st.binary(max_size=400), cut=st.integers(0, 400), kind=st.sampled_from([FORM, JSON]))
def test_any_bytes_are_answered(port: int, data: bytes, cut: int, kind: str) -> None:
    body = form(data)[:cut] if kind == FORM else data
    for path in ("/v1/uploads", "/v1/search", "/v1/search/image"):
        assert ask(port, path, body, kind)[0] < 500


def test_what_is_too_large_is_refused_before_it_is_read(port: int) -> None:
    for path in ("/v1/uploads", "/v1/search", "/v1/search/image"):
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
            client.sendall(
                f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FORM}\r\n"
                "Content-Length: 99999999999\r\n\r\n".encode()
            )
            assert client.recv(12) == b"HTTP/1.1 413"
    status, told = ask(port, "/v1/uploads", b"x" * (LIMITS.body + 1), "image/png")
    assert (status, told["code"]) == (413, "too-large")
    assert ask(port, "/v1/uploads", chunked(LIMITS.body + 1), "image/png")[0] == 413  # type: ignore[arg-type]
    assert lives(port)


def chunked(size: int) -> Iterator[bytes]:
    """A body that does not say how long it is."""
    for _ in range(size // 4096 + 1):
        yield b"x" * 4096


@pytest.mark.parametrize(
    "where",
    [
        "1; DROP TABLE images",
        "read_csv('/etc/passwd') is not null",
        "(select 1 from duckdb_settings()) = 1",
        "getenv('HOME') = ''",
        "regexp_matches(path, '" + "(a+)+" * 200 + "')",
        "(" * 5_000 + "1" + ")" * 5_000,
        "width in (" + ",".join(map(str, range(50_000))) + ")",
        "\x00",
        "label = 'x' or 1=1 --",
    ],
)
def test_a_hostile_filter_does_nothing(port: int, where: str) -> None:
    asked = {"positive": [{"id": 1}], "where": where}
    status, told = ask(port, "/v1/search", json.dumps(asked).encode(), JSON)
    assert status in (200, 422), told
    if status == 200:
        assert where.startswith(("label", "width", "regexp"))
    else:
        assert told["code"] in ("bad-filter", "bad-request")
    assert lives(port)


@TORN_FORMS
def test_clients_that_hang_up_leave_nothing_behind(port: int) -> None:
    for number in range(30):
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
            client.sendall(
                f"POST /v1/uploads HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FORM}\r\n"
                f"Content-Length: {1000 + number}\r\n\r\n".encode()
                + form(png())[: 20 * (number % 8)]
            )
    until(lambda: "vitrail_requests_in_flight 1.0" in metrics(port))  # that which asks
    assert lives(port)


def test_a_body_that_comes_too_slowly_is_given_up(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        client.sendall(
            b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        assert client.recv(12) == b"HTTP/1.1 408"


def test_a_flood_is_turned_away_and_asked_to_come_again(tmp_path: Path) -> None:
    """Each brings a body that is not all there yet, so that all are here at once."""
    head = b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    with painting(tmp_path) as collection, ExitStack() as stack:
        patient = replace(LIMITS, body_seconds=10 * SECONDS)  # however long it takes to come
        options = ServiceOptions({"colours": collection}, tmp_path / "state", limits=patient)
        port = stack.enter_context(answering(options))
        opened = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=SECONDS))
            for _ in range(40)
        ]
        for client in opened:
            client.sendall(head + b"Content-Length: 10\r\n\r\n{")
        turned = 40 - LIMITS.requests
        until(lambda: len(answered(opened)) >= turned)
        replies = [client.recv(65_536) for client in answered(opened)]
        assert len(replies) == turned
        assert all(one.startswith(b"HTTP/1.1 503") for one in replies)
        assert all(b"retry-after: 1" in one.lower() for one in replies)
        for client in opened:
            client.close()
        until(lambda: "vitrail_requests_in_flight 1.0" in metrics(port))
        assert lives(port)


def answered(clients: list[socket.socket]) -> list[socket.socket]:
    """Those to which something was sent."""
    return select.select(clients, [], [], 0)[0]


def test_what_is_no_http_is_refused(port: int) -> None:
    for said in (
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        os.urandom(400),
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
            client.sendall(said + b"\r\n\r\n")
            assert client.recv(12) in (b"", b"HTTP/1.1 400", b"HTTP/1.1 421")
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        client.sendall(b"GET\r\n\r\n")
        head, _, body = client.makefile("rb").read().partition(b"\r\n\r\n")
    assert MEDIA_TYPE.encode() in head
    assert json.loads(body)["detail"] == "what was sent is no request of HTTP/1.1"
    smuggled = (
        b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/keys HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        client.sendall(smuggled)
        assert client.recv(10) == b"HTTP/1.1 4"
    assert lives(port)


def test_many_at_once_are_each_answered_or_turned_away(port: int) -> None:
    seen: list[int] = []

    def go_on() -> None:
        seen.extend(ask(port, "/v1/uploads", png(), "image/png")[0] for _ in range(10))

    threads = [threading.Thread(target=go_on) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 120
    assert set(seen) <= {201, 503}
    assert 201 in seen


def metrics(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request("GET", "/v1/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def test_no_name_of_a_file_stands_in_a_header(tmp_path: Path) -> None:
    """A name with line ends and quotes comes back as one value of one header."""
    with painting(tmp_path) as collection:
        odd = tmp_path / "secret" / 'a"\r\nSet-Cookie: x=1; <script>.png'
        odd.write_bytes(png((1, 2, 3)))
        from vitrail.service.operations.collection import Collection

        with Collection.open(collection) as opened:
            opened.index(tmp_path / "secret")
        options = ServiceOptions({"colours": collection}, tmp_path / "state")
        with answering(options) as port:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
            connection.request("GET", "/v1/images/6/file")
            answer = connection.getresponse()
            assert answer.read() == png((1, 2, 3))
            assert answer.getheader("set-cookie") is None
            assert answer.getheader("content-type") == "image/png"
            assert "sandbox" in (answer.getheader("content-security-policy") or "")
            assert answer.getheader("x-content-type-options") == "nosniff"
            connection.close()
