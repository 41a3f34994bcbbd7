"""``vitrail serve``, as a process: how it begins, what it refuses, how it ends."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import ColourEncoder
from tests.service.colours import CHECKPOINT
from tests.service.conftest import Vitrail
from tests.service.http.processes import SECONDS, Process, answering, served, until
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import InputError
from vitrail.indexer.settings import in_use
from vitrail.service.cli import served as examples
from vitrail.service.cli.served import name_of, read_places
from vitrail.service.http.listening import listening
from vitrail.service.http.options import Limits, ServiceOptions
from vitrail.service.http.problems import MEDIA_TYPE
from vitrail.service.http.security.keys import make_key
from vitrail.service.http.security.scopes import KeyScope
from vitrail.service.http.serving import Server, serve
from vitrail.service.operations.collection import Collection

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX'")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection without images."""
    directory = tmp_path_factory.mktemp("served") / "colours"
    CollectionStore.create(directory, ColourEncoder().fingerprint).close()
    return directory


@pytest.fixture(scope="module")
def process(empty: Path) -> Iterator[Process]:
    """A service that is left as it was found."""
    state = empty.parent / "state"
    words = ("--no-warm", "--state", state, "--log-format", "json", f"other={empty}")
    with served(empty, *words) as process:
        yield process


def get(address: str, **headers: str) -> Any:
    asked = urllib.request.Request(address, headers=headers)
    with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
        return json.load(answer)


def counted(address: str, **headers: str) -> str:
    """What a service has counted; nothing where it does not let in who asks."""
    asked = urllib.request.Request(f"{address}/v1/metrics", headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            told: bytes = answer.read()
            return told.decode()
    except urllib.request.HTTPError as refused:
        refused.close()
        return ""


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=SECONDS).close()
    except OSError:
        return False
    return True


def gives_up(slow: socket.socket) -> bool:
    """Whether nobody hears any longer what was begun, once more of it was sent."""
    try:
        slow.sendall(b"G")
        return not slow.recv(4096)
    except TimeoutError:
        return False
    except OSError:
        return True


def test_it_says_in_a_line_where_it_answers(process: Process) -> None:
    assert process.line == f"Serving 0 images of colours, other at {process.address}\n"
    assert get(f"{process.address}/v1/readyz")["images"] == {"colours": 0, "other": 0}


def test_a_port_that_is_taken_is_told_in_a_line(
    vitrail: Vitrail, process: Process, empty: Path, tmp_path: Path
) -> None:
    words = ("serve", empty, "--port", process.port, "--state")
    vitrail.fails(*words, tmp_path, code=2, says=[str(process.port), "listens there", "--port"])


def test_a_state_is_one_services_alone(vitrail: Vitrail, process: Process, empty: Path) -> None:
    state = empty.parent / "state"
    says = ["vitrail", str(process.process.pid), "--state"]
    vitrail.fails("serve", empty, "--port", 0, "--state", state, code=2, says=says)


def test_a_state_that_cannot_be_written_is_named(
    vitrail: Vitrail, empty: Path, tmp_path: Path
) -> None:
    (tmp_path / "locked" / "serving.lock").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    for state, why in (
        (tmp_path / "locked", "Is a directory"),
        (tmp_path / "file", "Not a directory"),
        (tmp_path / "file" / "state", "Not a directory"),
    ):
        says = [f"{state} cannot be written: {why}", "--state"]
        vitrail.fails("serve", empty, "--port", 0, "--state", state, code=2, says=says)


def test_what_cannot_be_served_is_told_in_a_line(vitrail: Vitrail, tmp_path: Path) -> None:
    state = ("--state", tmp_path / "state", "--port", 0)
    for words, code, says in (
        ([tmp_path / "none"], 1, ["none"]),
        ([f"a={tmp_path}", f"a={tmp_path}/b"], 2, ["two collections", "NAME=DIR"]),
        (["--host", "192.0.2.1"], 2, ["no such address", "--host"]),
        (["--rate", "often"], 2, ["600/minute"]),
        (["--log-format", "xml"], 2, ["text, json"]),
        (["--root", "x=/", "--root", "x=/tmp"], 2, ["two roots"]),
        (["--allow-origin", "x"], 2, ["https://example.org"]),
    ):
        vitrail.fails("serve", *words, *state, code=code, says=says)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),  # tried again below
        signal.SIGTERM,
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_it_logs_each_request_and_ends_in_good_order(
    empty: Path, tmp_path: Path, number: int
) -> None:
    _, key = make_key(tmp_path, KeyScope.READ)
    with served(empty, "--no-warm", "--state", tmp_path, "--log-format", "json") as process:
        get(
            f"{process.address}/v1/session?where=secret",
            **{"X-Request-Id": "mine-1", "Authorization": f"Bearer {key}"},
        )
        code, out, err = process.end(number)
    assert (code, out) == (0, "Ended; requests that were under way are answered.\n")
    (line,) = map(json.loads, err.splitlines())
    assert (line["event"], line["path"], line["status"]) == ("request", "/v1/session", 200)
    assert (line["request"], line["key"]) == ("mine-1", key.split("_")[1])
    assert "secret" not in err
    assert key not in err


def test_a_second_interruption_does_not_wait(empty: Path, tmp_path: Path) -> None:
    with (
        served(empty, "--no-warm", "--state", tmp_path) as process,
        socket.create_connection(("127.0.0.1", process.port)) as slow,
    ):
        slow.sendall(b"POST /v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n")
        slow.sendall(b"Content-Type: application/json\r\n\r\n{")
        until(lambda: "vitrail_requests_in_flight 2.0" in counted(process.address))
        process.process.send_signal(signal.SIGINT)
        until(lambda: not listens(process.port))
        assert process.process.poll() is None  # a request is under way
        assert process.end()[0] == 130


def test_beyond_this_machine_a_key_is_needed(empty: Path, tmp_path: Path) -> None:
    words = (empty, "--no-warm", "--state", tmp_path, "--host", "0.0.0.0")
    with served(*words) as process:
        with pytest.raises(urllib.request.HTTPError) as refused:
            get(f"{process.address}/v1/metrics")
        refused.value.close()
        assert refused.value.code == 401
        _, key = make_key(tmp_path, KeyScope.READ)
        sent = {"Authorization": f"Bearer {key}"}
        # in a second; who shows too often what is no key yet is let in no more
        until(lambda: "vitrail_requests_total" in counted(process.address, **sent), pause=1)
        _, _, err = process.end()
        assert "vitrail keys new" in err


def test_a_head_that_does_not_arrive_is_given_up(empty: Path, tmp_path: Path) -> None:
    options = ServiceOptions({"a": empty}, tmp_path, limits=Limits(head_seconds=0.5))
    with answering(options) as port:
        whole = b"GET /v1/livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        for first in (b"", whole):  # a new connection, and one that had its answer
            with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as slow:
                slow.sendall(first)
                if first:
                    assert slow.recv(15) == b"HTTP/1.1 200 OK"
                slow.settimeout(0.1)
                until(partial(gives_up, slow))
        assert get(f"http://127.0.0.1:{port}/v1/livez") == {"status": "alive"}


def test_connections_leave_files_to_open(empty: Path, tmp_path: Path) -> None:
    words = (empty, "--no-warm", "--state", tmp_path)
    with served(*words, files=256) as process, ExitStack() as held:
        _begin(held, process.port, 60)
        with pytest.raises(urllib.request.HTTPError) as refused:
            get(f"{process.address}/v1/livez")
        told, headers = json.loads(refused.value.read()), refused.value.headers
        refused.value.close()
        assert (refused.value.code, told["code"]) == (503, "busy")
        assert told["remedy"].startswith("ask again in 1 s")
        assert (headers["Content-Type"], headers["Retry-After"]) == (MEDIA_TYPE, "1")
        assert (headers["Connection"], headers["X-Content-Type-Options"]) == ("close", "nosniff")
        process.process.send_signal(signal.SIGSTOP)  # as where a machine is busy: all come at once
        _begin(held, process.port, 200)  # more than there are files
        process.process.send_signal(signal.SIGCONT)
        with pytest.raises(OSError, match=r"reset|closed"):
            get(f"{process.address}/v1/livez")
        held.close()
        until(partial(_is_ready, process.address))  # once it has seen that they ended
        assert "Too many open files" not in process.end()[2]


def _is_ready(address: str) -> bool:
    with suppress(OSError):
        return bool(get(f"{address}/v1/readyz")["status"] == "ready")
    return False


def _begin(held: ExitStack, port: int, count: int) -> None:
    """Connections that begin to ask."""
    for _ in range(count):
        made = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        held.enter_context(made)
        with suppress(OSError):  # ended already
            made.sendall(b"GET /v1/livez")


def test_a_reply_tells_nothing_of_what_answers(process: Process) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=SECONDS)
    connection.request("GET", "/v1/livez")
    answer = connection.getresponse()
    assert answer.getheader("server") is None
    assert answer.getheader("x-content-type-options") == "nosniff"
    connection.close()


@pytest.mark.parametrize("trusted", [True, False])
def test_a_proxy_is_believed_where_it_is_named(empty: Path, tmp_path: Path, trusted: bool) -> None:
    proxies = ("127.0.0.1",) if trusted else ()
    _, key = make_key(tmp_path / "state", KeyScope.WRITE)
    options = ServiceOptions(
        {"a": empty},
        tmp_path / "state",
        keys=True,
        allow_hosts=("gallery.example",),
        proxies=proxies,
        root_path="/vitrail",
    )
    with answering(options) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        said = {
            "Host": "gallery.example",
            "X-Forwarded-For": "203.0.113.7",
            "X-Forwarded-Proto": "https",
        }
        connection.request("GET", "/v1/images", headers=said)
        refused = connection.getresponse()
        assert (refused.status, bool(refused.read())) == (401, True)
        form = {**said, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/login", f"key={key}", form)
        let_in = connection.getresponse()
        let_in.read()
        assert (let_in.status, let_in.getheader("location")) == (303, "/vitrail/")
        cookie = let_in.getheader("set-cookie") or ""
        assert "Path=/vitrail" in cookie
        assert ("Secure" in cookie) is trusted
        token = cookie.partition(";")[0]
        connection.request("DELETE", "/v1/images/7", headers={**said, "Cookie": token})
        assert connection.getresponse().read()
        connection.close()
    asked = json.loads((tmp_path / "state" / "audit.jsonl").read_text("utf-8").splitlines()[0])
    assert asked["address"] == ("203.0.113.7" if trusted else "127.0.0.1")
    assert asked["path"] == "/v1/images/7"


def test_what_is_left_open_is_said_aloud(
    vitrail: Vitrail, empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Server, "run", lambda *_: None)
    words = ("serve", empty, "--port", 0, "--state", tmp_path / "state", "--without-keys")
    told = vitrail(*words, "--host", "0.0.0.0")
    assert told.err == (
        "vitrail: whoever reaches 0.0.0.0 may search and change all of it, without a key\n"
    )
    assert "search all of it" in vitrail(*words, "--host", "0.0.0.0", "--read-only").err
    assert vitrail(*words).err == ""


def test_the_examples_are_indexed_and_served(
    vitrail: Vitrail, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert examples.EXAMPLES.is_dir()  # in a checkout they are where they are looked for
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Server, "run", lambda *_: None)
    words = ("serve", "--demo", "--port", 0, "--state", tmp_path / "state")
    monkeypatch.setattr(examples, "EXAMPLES", tmp_path / "none")
    vitrail.fails(*words, code=2, says=["come with the source"])
    monkeypatch.setattr(examples, "EXAMPLES", folder)
    monkeypatch.setattr(examples, "ENCODER", CHECKPOINT)
    assert "5 new" in vitrail(*words).err
    again = vitrail(*words)
    assert (again.code, "0 new" in again.err) == (0, True)
    with Collection.open(tmp_path / "cache" / "demo") as demo:
        assert {image.values["label"] for image in demo.select()} == {"warm", "cold"}


def test_filters_have_less_time_than_on_the_command_line(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VITRAIL_FILTER_SECONDS", raising=False)
    seen: list[str] = []

    def look(*_: object) -> None:
        seen.append(in_use().filter_seconds)

    monkeypatch.setattr(Server, "run", look)
    options = ServiceOptions({"a": empty}, tmp_path / "state", port=0)
    serve(options, lambda _: None)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("VITRAIL_FILTER_SECONDS", "9")
    serve(options, lambda _: None)
    assert seen == ["5", "9"]


def test_collections_are_named(tmp_path: Path) -> None:
    assert read_places([str(tmp_path), "b=/x"], "collections") == {
        name_of(tmp_path): tmp_path,
        "b": Path("/x"),
    }
    assert name_of(Path("/a/My Pictures.vitrail")) == "my-pictures"
    assert name_of(Path("/a/x" * 40)) == "x"
    with pytest.raises(InputError, match="NAME=DIR"):
        name_of(Path("/a/ä"))


def test_no_half_of_an_answer_waits_for_the_other() -> None:
    with (
        listening("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
