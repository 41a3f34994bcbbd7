"""Faults by count: what a collection is when a scenario was killed, refused or cut off."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.faults.disk import Disk
from tests.faults.library import ALWAYS, FAIL, FULL_DISK, KILL, TEAR
from tests.faults.observing import Course, follow, go_on, recover
from tests.faults.recording import Calls, Event, What, read_recording
from tests.faults.scenarios import SCENARIOS, begin, prepare
from vitrail.indexer.errors import VitrailError

ROOT = Path(__file__).parents[2]
# What a full disk, one with bad sectors, and a process with too many files refuse; how often.
ERRORS = {
    errno.ENOSPC: (FULL_DISK, ALWAYS),
    errno.EIO: (Calls.ALL, 1),
    errno.EMFILE: (Calls.OPEN, ALWAYS),
}


@dataclass(slots=True)
class Tally:
    """What came of the faults of one kind: counts, and a line for each that did harm."""

    faults: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    harms: list[str] = field(default_factory=list)


class Campaign:
    """Runs scenarios with faults.

    Args:
        folder: an empty folder for all that it writes.
        library: the compiled shim.
    """

    def __init__(self, folder: Path, library: Path) -> None:
        self._folder = folder
        self._beside = folder / "beside"
        prepare(self._beside)
        self._begun: set[str] = set()
        self._courses: dict[str, Course] = {}
        self._calls: dict[tuple[str, Calls], int] = {}
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker"],
            cwd=ROOT,
            env=os.environ | {"LD_PRELOAD": str(library), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """End the process that runs the scenarios."""
        with self._server:
            assert self._server.stdin is not None
            self._server.stdin.close()

    def course(self, name: str) -> Course:
        """What a scenario does when nothing goes wrong."""
        if name not in self._courses:
            with self._place(name) as place:
                self._courses[name] = follow(SCENARIOS[name], place, self._beside)
        return self._courses[name]

    def calls(self, name: str, kinds: Calls) -> int:
        """How many calls of some kinds a scenario makes."""
        if (name, kinds) not in self._calls:
            with self._place(name) as place:
                self._calls[name, kinds] = int(self._run(name, place, kinds=kinds)["calls"])
        return self._calls[name, kinds]

    def record(self, name: str) -> tuple[Disk, list[Event]]:
        """A scenario's recording, and the disk as it was before."""
        with self._place(name) as place:
            before = Disk.of(place)
            log = self._folder / "log"
            answer = self._run(name, place, log=str(log), kinds=Calls.CHANGES)
            assert answer["done"] == len(SCENARIOS[name].operations), answer
            self._calls[name, Calls.CHANGES] = int(answer["calls"])
            events = read_recording(log, place)
            _check_complete(Disk.of(place), before, events, self._folder / "settled", place)
        return before, events

    def kill(self, name: str, count: int, seed: int, tally: Tally) -> None:
        """Kill a scenario at random calls, in the middle of every other write."""
        rng = np.random.default_rng([seed, len(name)])
        total = self.calls(name, Calls.CHANGES)
        for _ in range(count):
            moment, action = int(rng.integers(total)), int(rng.choice([KILL, TEAR]))
            with self._place(name) as place:
                answer = self._run(name, place, kinds=Calls.CHANGES, at=moment, action=action)
                what = f"{name}: killed at change {moment}"
                tally.counts["killed"] += answer["killed"] == 9
                self._judge(name, place, answer["done"], what, tally)

    def refuse(self, name: str, code: int, tally: Tally, *, every: int = 1, first: int = 0) -> None:
        """Let every call of a scenario fail in turn, or every so many."""
        kinds, times = ERRORS[code]
        word = errno.errorcode[code]
        for moment in range(first, self.calls(name, kinds), every):
            with self._place(name) as place:
                answer = self._run(
                    name,
                    place,
                    **{"kinds": kinds, "at": moment, "times": times, "action": FAIL},
                    errno=code,
                    patient=True,
                )
                what = f"{name}: {word} at call {moment}"
                if answer["crash"]:
                    tally.counts["traceback"] += 1
                    tally.harms.append(f"{what}: traceback: {answer['crash'][-3000:]}")
                elif answer["error"]:
                    tally.counts["told"] += 1
                    if "\n" in answer["error"]:
                        tally.harms.append(f"{what}: more than one line: {answer['error']}")
                # One that was refused may have committed; closing then tidies, as the next would.
                self._judge(name, place, answer["done"], what, tally, begun=2)

    def cut(self, name: str, count: int, seed: int, tally: Tally) -> None:
        """Cut the power at random moments of a scenario's recording."""
        rng = np.random.default_rng([seed, len(name)])
        disk, events = self.record(name)
        moments = sorted(int(moment) for moment in rng.integers(1, len(events) + 1, count))
        asked = done = 0
        for moment in moments:
            for event in events[asked:moment]:
                disk.ask(event)
                done = event.file if event.what == What.MARKED else done
            asked = moment
            ordered = bool(rng.integers(2))
            with self._place("nothing") as place:
                disk.cut(place, rng, ordered=ordered)
                order = "in order" if ordered else "in no order"
                self._judge(name, place, done, f"{name}: power cut at {moment}, {order}", tally)

    def _judge(
        self, name: str, place: Path, done: int, what: str, tally: Tally, *, begun: int = 1
    ) -> None:
        """Compare what is found with what was promised, and go on with it."""
        tally.faults += 1
        course = self.course(name)
        try:
            found = recover(place)
            if found not in course.allowed(done, begun=begun):
                tally.counts["wrong"] += 1
                tally.harms.append(f"{what}, after {done}: {_difference(found, course, done)}")
                return
            go_on(place, found, self._beside)
        except VitrailError as error:
            tally.counts["lost"] += 1
            tally.harms.append(f"{what}, after {done}: {error}")
        except Exception as error:
            tally.counts["broken"] += 1
            tally.harms.append(f"{what}, after {done}: {type(error).__name__}: {error}")

    @contextmanager
    def _place(self, name: str) -> Iterator[Path]:
        """A scenario's collection as it is before, in a place of its own."""
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            place = Path(folder) / "c"
            if name in SCENARIOS and name not in self._begun:
                begin(name, self._beside)
                self._begun.add(name)
            if (self._beside / name).exists():
                shutil.copytree(self._beside / name, place)
            yield place

    def _run(self, name: str, place: Path, **request: Any) -> dict[str, Any]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        request |= {"scenario": name, "place": str(place), "beside": str(self._beside)}
        print(json.dumps(request), file=self._server.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._server.stdout.readline())
        return answer


def _check_complete(
    after: Disk, before: Disk, events: list[Event], folder: Path, place: Path
) -> None:
    """See that nothing was written past the shim: the recording leads to what is there."""
    copy = Disk(
        {file: bytes(held.safe) for file, held in before._files.items()},
        before._names,
        {path: number for number, path in before._numbers.items()},
    )
    for event in events:
        copy.ask(event)
    copy.settle(folder)
    assert _contents(folder) == _contents(place)
    shutil.rmtree(folder)


def _contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def _difference(found: Any, course: Course, done: int) -> str:
    """The first lines that are lost, or that nobody wrote."""
    expected = course.states[course.ends[done]]
    if found is None or expected is None:
        return f"found {'nothing' if found is None else 'a collection'}"
    lines = []
    for kind in expected:
        lost = [row for row in expected[kind] if row not in found[kind]]
        extra = [row for row in found[kind] if row not in expected[kind]]
        if lost or extra:
            lines.append(f"{kind}: lost {lost[:1]}, extra {extra[:1]}")
    return "; ".join(lines)
