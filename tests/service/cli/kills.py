"""Commands that work for long, stopped at any moment and run again: what comes of that."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.service.cli.forks import Ended, Forks

TEN = 10


@dataclass(frozen=True, slots=True)
class Command:
    """A command that goes on where it was stopped.

    Attributes:
        words: what follows ``vitrail``.
        makes: files and folders that it makes, by path within the folder that it runs in.
        images: a folder of what it learns from.
        once: whether it refuses to make anew what is whole there.
        tells: whether it prints the same each time.
    """

    words: str
    makes: tuple[str, ...] = ("made",)
    images: str = ""
    once: bool = False
    tells: bool = True


@dataclass(slots=True)
class Kills:
    """Runs the commands, and keeps what undisturbed ones came to.

    Attributes:
        forks: that are killed.
        commands: by name.
        whole: command -> how it ended undisturbed, and what it left.
    """

    forks: Forks
    commands: Mapping[str, Command]
    whole: dict[str, tuple[Ended, dict[str, Any]]] = field(default_factory=dict)

    def undisturbed(self, name: str) -> tuple[Ended, dict[str, Any]]:
        """How a command ends, and what it leaves."""
        if name not in self.whole:
            self.clear()
            done = self._run(name)
            assert done.code == 0, done.err
            self.whole[name] = done, self.left()
        return self.whole[name]

    def clear(self) -> None:
        """Delete what commands have made."""
        for command in self.commands.values():
            for made in command.makes:
                place = self.forks.folder / made
                if place.is_dir():
                    shutil.rmtree(place)
                place.unlink(missing_ok=True)

    def left(self) -> dict[str, Any]:
        """All files in the folder by name: what is in them, without what differs each time."""
        folder = self.forks.folder
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): _content(path) for path in paths}

    def last(self, name: str, before: str) -> int:
        """The number of the last change of files that reads so."""
        moments = self.undisturbed(name)[0].moments
        return len(moments) - 1 - moments[::-1].index(before)

    def moments(self, name: str) -> list[int]:
        """Ten of all changes of files that it makes, the first and the last among them."""
        return _spread(len(self.undisturbed(name)[0].moments))

    def writes(self, name: str) -> list[int]:
        """Ten of all its writes, likewise; skips where nobody counts them."""
        if not self.forks.writes:
            pytest.skip("writes are intercepted on Linux, and only where there is a C compiler")
        return _spread(self.undisturbed(name)[0].writes)

    def stop(self, name: str, moment: int, by: signal.Signals = signal.SIGKILL) -> None:
        """Stop it before its ``moment``-th change of files, and go on."""
        whole = self.undisturbed(name)[0]
        self.clear()
        what = f"{name} stopped by {by.name} before {moment}: {whole.moments[moment]}"
        ended = self._run(name, moment, by)
        if by == signal.SIGKILL:
            assert ended.code == -signal.SIGKILL, f"{what}\n{ended.err}"
        else:
            self._check_interrupted(ended, whole, what)
        self._go_on(name, what)

    def _check_interrupted(self, ended: Ended, whole: Ended, what: str) -> None:
        """Whoever asks for an end when all but the end is done is given it; else it is a line."""
        what = f"{what}\n{ended.err}"
        assert ended.code in (130, 0), what
        if not ended.code:
            assert ended.complaints == whole.complaints, what
            return
        (line,) = ended.complaints
        assert line.startswith("vitrail: "), what

    def fill(self, name: str, write: int) -> None:
        """Let the disk be full from its ``write``-th write on, make room, and go on."""
        self.undisturbed(name)
        self.clear()
        what = f"{name} with a disk full from write {write} on"
        ended = self._run(name, full=write)
        assert ended.code in (0, 1), f"{what}\n{ended.err}"
        if ended.code:
            (line,) = ended.complaints
            assert line.startswith("vitrail: "), f"{what}\n{ended.err}"
            assert "disk full" in line or "No space left on device" in line, f"{what}\n{ended.err}"
        self._go_on(name, what)

    def spoil(self, name: str) -> None:
        """Put a broken picture among its images: it is told, and all else comes out the same."""
        self.undisturbed(name)
        self.clear()
        broken = self.forks.folder / self.commands[name].images / "broken.png"
        broken.write_bytes(b"\x89PNG\r\n\x1a\n")
        try:
            done = self._run(name)
        finally:
            broken.unlink()
        assert done.code == 0, done.err
        notes = [line for line in done.err.splitlines() if "broken.png" in line]
        assert len(notes) == 1, done.err
        assert "1 file cannot be read and did not count" in notes[0]
        assert not done.complaints, done.err
        self._check(name, done, f"{name} beside a broken picture")

    def _go_on(self, name: str, what: str) -> None:
        command = self.commands[name]
        if command.once and (self.forks.folder / command.makes[0]).exists():
            self._compare(name, what)
            return
        done = self._run(name)
        assert done.code == 0, f"{what}\n{done.err}"
        self._check(name, done, what)

    def _check(self, name: str, done: Ended, what: str) -> None:
        self._compare(name, what)
        if self.commands[name].tells:
            assert done.out == self.whole[name][0].out, what

    def _compare(self, name: str, what: str) -> None:
        expected, left = self.whole[name][1], self.left()
        other = [path for path in {*expected, *left} if left.get(path) != expected.get(path)]
        assert not other, f"{what}: {sorted(other)} came out otherwise"

    def _run(
        self,
        name: str,
        moment: int | None = None,
        by: signal.Signals = signal.SIGKILL,
        full: int | None = None,
    ) -> Ended:
        return self.forks.run(self.commands[name].words.split(), moment, by, full)


def _spread(count: int) -> list[int]:
    found: list[int] = np.linspace(0, count - 1, TEN).round().astype(int).tolist()
    return found


def _content(path: Path) -> Any:
    if path.name == "metrics.jsonl":
        return [_lasting(json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    if path.suffix == ".json" and path.parent.name in ("made", "training"):
        return _lasting(json.loads(path.read_text("utf-8")))
    if path.suffix == ".html":
        return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "now", path.read_text("utf-8"))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _lasting(told: Any) -> Any:
    """Without how long something took."""
    if isinstance(told, dict):
        return {key: _lasting(one) for key, one in told.items() if key not in ("seconds", "speed")}
    return [_lasting(one) for one in told] if isinstance(told, list) else told
