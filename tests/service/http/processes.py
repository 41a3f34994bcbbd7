"""The service as a process of its own, as users run it, and by real sockets in this one."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vitrail.service.http.app import create_app
from vitrail.service.http.listening import listening
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.serving import Server

ROOT = Path(__file__).parents[3]
SECONDS = 180  # in which a process has to begin, or to end; a busy machine takes its time


def until(holds: Callable[[], object], pause: float = 0.01) -> None:
    """Wait until something holds that comes to hold by itself, looking again after a pause."""
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(pause)


@dataclass(frozen=True)
class Process:
    """A service that answers.

    Attributes:
        address: such as ``http://127.0.0.1:40123``.
        line: what it said when it was ready.
        process: itself.
    """

    address: str
    line: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    def end(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        """Send a signal; exit code, standard output after the first line, standard error."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, out, err


@contextmanager
def served(*words: object, port: int = 0, files: int | None = None) -> Iterator[Process]:
    """Run ``vitrail serve WORDS`` until this is left, perhaps where few files may be open."""
    few = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh"] if files else []
    command = [*few, sys.executable, "-m", "vitrail.service.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(
        [*command, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            raise AssertionError(process.communicate(timeout=SECONDS))
        yield Process(found[0], line, process)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def answering(options: ServiceOptions) -> Iterator[int]:
    """A server in a thread of this process until this is left; its port."""
    ready = threading.Event()
    with listening("127.0.0.1", 0) as listener:
        port: int = listener.getsockname()[1]
        server = Server(options, create_app(options), ready.set)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            assert ready.wait(SECONDS)
            yield port
        finally:
            server.should_exit = True
            thread.join(SECONDS)
    assert not thread.is_alive()
