"""Processes whose attempts to reach a network are written down, by Python and below it.

Three watchers at once: an audit hook, set before anything else runs and inherited by child
processes; a library preloaded by the dynamic linker, for what native code does on its own; and a
network namespace without a network, where such may be made. None of them needs a network itself.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
_SHIM = Path(__file__).with_name("attempts.c")
_HOOK = """
import os, sys

_EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.gethostby", "socket.getnameinfo",
           "socket.sendto", "socket.sendmsg", "urllib.Request", "http.client.connect",
           "ftplib.connect", "smtplib.connect", "webbrowser.open")

def _record(event, arguments):
    if not event.startswith(_EVENTS):
        return
    if event.startswith(("socket.connect", "socket.send")) and not isinstance(arguments[1], tuple):
        return  # a path or nothing: it stays on this machine
    with open(os.environ["VITRAIL_TEST_ATTEMPTS"], "a") as file:
        shown = [one for one in arguments if isinstance(one, (str, bytes, int, tuple))]
        print("python", event, *shown, file=file)

sys.addaudithook(_record)
"""


@dataclass(frozen=True)
class Watched:
    """Runs commands with an empty home and writes down what they try.

    Attributes:
        folder: where the home, the watchers and the record of attempts lie.
        isolated: words before a command that take the network from it; empty where that is not
            permitted.
        preload: the library below Python; ``None`` without a compiler or a dynamic linker for it.
        more: variables for every command.
    """

    folder: Path
    isolated: tuple[str, ...]
    preload: Path | None
    more: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """The home of every command that is run."""
        return self.folder / "home"

    @property
    def attempts(self) -> list[str]:
        """What was tried so far, a line each."""
        record = self.folder / "attempts"
        return record.read_text("utf-8").splitlines() if record.exists() else []

    @property
    def written(self) -> set[str]:
        """Files below the home, relative to it."""
        files = (path for path in self.home.rglob("*") if not path.is_dir())
        return {path.relative_to(self.home).as_posix() for path in files}

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run ``python WORDS`` to its end."""
        return subprocess.run(
            [*self.isolated, sys.executable, *map(str, words)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def vitrail(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run ``vitrail WORDS`` to its end."""
        return self.run("-m", "vitrail.service.cli", *words)

    @contextmanager
    def serving(self) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
        """One process that runs commands as ``vitrail`` does in one of its own for each."""
        server = subprocess.Popen(
            [*self.isolated, sys.executable, "-m", "tests.served"],
            cwd=ROOT,
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with server:
            assert server.stdin is not None
            assert server.stdout is not None
            asked, answers = server.stdin, server.stdout

            def vitrail(*words: object) -> subprocess.CompletedProcess[str]:
                command = [str(word) for word in words]
                print(json.dumps(command), file=asked, flush=True)
                told = json.loads(answers.readline())
                return subprocess.CompletedProcess(command, told["code"], told["out"], told["err"])

            yield vitrail
            asked.close()
        assert server.returncode == 0

    def _environment(self) -> dict[str, str]:
        # CI and similar variables switch some libraries' reports off, which is not to be tested
        names = ("PATH", "LANG", "LC_ALL", "OMP_NUM_THREADS")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        preload = {} if self.preload is None else {"LD_PRELOAD": str(self.preload)}
        return {
            **kept,
            "HOME": str(self.home),
            "PYTHONPATH": str(self.folder / "hook"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "VITRAIL_TEST_ATTEMPTS": str(self.folder / "attempts"),
            **preload,
            **self.more,
        }


def watch(folder: Path) -> Watched:
    """Set the watchers up in an empty folder."""
    (folder / "home").mkdir()
    (folder / "hook").mkdir()
    (folder / "hook" / "sitecustomize.py").write_text(_HOOK)
    return Watched(folder, _isolation(), _preload(folder))


def _isolation() -> tuple[str, ...]:
    for words in (("unshare", "-n"), ("unshare", "-rn")):
        if shutil.which("unshare") and _works(*words, "true"):
            return words
    return ()


def _preload(folder: Path) -> Path | None:
    library = folder / "attempts.so"
    compiler = shutil.which("cc")
    if not sys.platform.startswith("linux") or compiler is None:
        return None
    if not _works(compiler, "-shared", "-fPIC", "-o", str(library), str(_SHIM), "-ldl"):
        return None
    return library


def _works(*words: str) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode == 0
