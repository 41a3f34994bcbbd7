"""What a filter keeps is made beside questions, as long as somebody holds filter and index."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from tests.indexer.vectors.vector_sets import clustered
from vitrail.indexer.errors import DamagedIndexError
from vitrail.indexer.vectors import beside, coded
from vitrail.indexer.vectors import rows as module
from vitrail.indexer.vectors.beside import Beside
from vitrail.indexer.vectors.coded import CodedRows
from vitrail.indexer.vectors.exact import Floats, Ids
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.later import Later
from vitrail.indexer.vectors.one_thread import product_threads
from vitrail.indexer.vectors.passing import Passing
from vitrail.indexer.vectors.policy import IndexPolicy
from vitrail.indexer.vectors.rows import Rows

POLICY = IndexPolicy(exact_floats=0, cold_floats=0, gather_rows=400, samples=60, graph=False)
SIZE, DIM = 12_000, 24
ROWS = clustered(SIZE + 10, DIM, seed=4)
ROWS, QUERIES = ROWS[:SIZE], ROWS[SIZE:]
IDS = np.arange(SIZE, dtype=np.int64)
COUNTS = 300, 5000  # of which a copy is kept, and codes
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")


@pytest.fixture(autouse=True)
def _codes_from_the_second_use_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coded, "_ROWS_A_USE", 10**9)


@pytest.fixture(scope="module")
def index() -> VectorIndex:
    return VectorIndex.create(DIM, policy=POLICY).with_rows(IDS, ROWS).built()


def letting_through(count: int, seed: int = 0) -> Ids:
    allowed = np.sort(np.random.default_rng(seed).choice(SIZE, count, replace=False))
    allowed.flags.writeable = False
    return allowed


def ask(index: VectorIndex, allowed: Ids, times: int = 1) -> list[tuple[list[int], float]]:
    answers = [index.search(QUERIES[:1], 5, allowed=allowed) for _ in range(times)]
    return [(answer.ids[0].tolist(), answer.recall) for answer in answers]


def passing(index: VectorIndex, allowed: Ids) -> Passing:
    return index._parts.base.passing(allowed)


def keeps(held: Passing) -> bool:
    return bool(held.kept_bytes)


class Gate:
    """Holds the thread beside questions where it takes rows; others go through."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        self.passed = 0

    def watch(self, take: Callable[[Rows, Ids], Floats]) -> Callable[[Rows, Ids], Floats]:
        def taken(rows: Rows, positions: Ids) -> Floats:
            if threading.current_thread().name == "vitrail-beside":
                self.passed += 1
                self.reached.set()
                assert self.opened.wait(20)
            return take(rows, positions)

        return taken


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    held = Gate()
    monkeypatch.setattr(Rows, "take", held.watch(Rows.take))
    yield held
    held.opened.set()


@pytest.mark.parametrize("count", COUNTS)
def test_a_question_does_not_wait_for_what_later_ones_use(
    index: VectorIndex, gate: Gate, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    allowed = letting_through(count)
    held = passing(index, allowed)
    (first,) = ask(index, allowed)
    assert not gate.reached.is_set(), "it was asked with once"
    before = ask(index, allowed)
    assert gate.reached.wait(10)
    before += ask(index, allowed, 3)
    assert before == [first] * 4, "they are answered as before"
    assert not keeps(held)
    gate.opened.set()
    index.settle()
    assert keeps(held)
    used: list[str] = []
    for kind, name in ((CodedRows, "candidates"), (Rows, "scan")):
        was = getattr(kind, name)

        def counting(own: Any, *given: Any, was: Any = was, **named: Any) -> Any:
            if own in (held.coded.made, held.copied.made):
                used.append(type(own).__name__)
            return was(own, *given, **named)

        monkeypatch.setattr(kind, name, counting)
    ((found, told),) = ask(index, allowed)
    assert used[0] == ("Rows" if count == 300 else "CodedRows")
    assert found == first[0]
    assert told == 1 if count == 300 else told > 0.98


def test_numpy_has_its_threads_back_afterwards(index: VectorIndex, gate: Gate) -> None:
    allowed = letting_through(5000)
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        ask(index, allowed, 2)
        assert gate.reached.wait(10)
        assert product_threads() == 1
        gate.opened.set()
        index.settle()
        assert product_threads() == 2


def test_one_thing_is_made_at_a_time(index: VectorIndex, gate: Gate) -> None:
    some = [letting_through(5000, seed) for seed in range(2)]
    held = [passing(index, allowed) for allowed in some]
    ask(index, some[0], 2)
    assert gate.reached.wait(10)
    ask(index, some[1], 3)
    assert [thread.name for thread in threading.enumerate()].count("vitrail-beside") == 1
    gate.opened.set()
    index.settle()
    assert [keeps(one) for one in held] == [True, False]
    ask(index, some[1])
    index.settle()
    assert [keeps(one) for one in held] == [True, True]


@pytest.mark.parametrize("gone", ["index", "filter"])
@pytest.mark.parametrize("count", COUNTS)
def test_nothing_is_made_for_what_nobody_holds(
    index: VectorIndex, gate: Gate, monkeypatch: pytest.MonkeyPatch, count: int, gone: str
) -> None:
    monkeypatch.setattr(coded, "_TAKEN", 32)
    monkeypatch.setattr(module, "_TAKEN", 32)
    other = VectorIndex.create(DIM, policy=POLICY).with_rows(IDS, ROWS).built()
    allowed = letting_through(count)
    base = weakref.ref(other._parts.base)
    latest, was = other._parts.base._latest, weakref.ref(passing(other, allowed))
    ask(other, allowed, 2)
    assert gate.reached.wait(10)
    if gone == "index":
        del other
    else:
        del allowed
    gc.collect()
    gate.opened.set()
    latest.settle()
    assert gate.passed == 1, "no other block was taken"
    gc.collect()
    if gone == "index":
        assert base() is None
    else:
        ask(other, letting_through(50))
        assert was() is None


@needs_fork
@pytest.mark.parametrize("count", COUNTS)
def test_a_process_forked_meanwhile_makes_its_own(
    index: VectorIndex, gate: Gate, count: int
) -> None:
    allowed = letting_through(count)
    held = passing(index, allowed)
    before = product_threads()
    (first, _) = ask(index, allowed, 2)
    assert gate.reached.wait(10)
    with index._parts.base._latest._guard:  # as another thread's would be
        child = os.fork()
        if not child:
            signal.alarm(20)
            try:
                free = product_threads() == before and not keeps(held)
                gate.opened = threading.Event()
                gate.opened.set()
                index.settle()  # nothing is being made here
                same = ask(index, allowed) == [first]
                index.settle()
                os._exit(0 if free and same and keeps(held) else 1)
            finally:
                os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    gate.opened.set()
    index.settle()
    assert keeps(held)
    assert product_threads() == before


def test_a_process_may_be_forked_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One waits for what is being made only as long as the forked one is told of it."""
    own, told = Beside(), []

    class Running(set[beside._Making]):
        def add(self, making: beside._Making) -> None:
            told.append(own.busy)  # as a process that was forked here would say for good
            super().add(making)

        def discard(self, making: object) -> None:
            super().discard(making)
            told.append(own.busy)

    monkeypatch.setattr(beside, "_running", Running())
    own.begin(lambda _: 1, Later())
    making = own._making
    assert making is not None
    making.join(10)
    assert told == [False, False]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), False),
        (RuntimeError("std::bad_alloc"), False),
        (DamagedIndexError("index", "altered"), False),
        (ValueError("a fault of ours"), True),
    ],
)
def test_what_cannot_be_made_is_done_without(
    index: VectorIndex, monkeypatch: pytest.MonkeyPatch, error: Exception, told: bool
) -> None:
    tried: list[int] = []
    seen: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda given: seen.append(given.exc_type))
    allowed = letting_through(5000)
    held = passing(index, allowed)

    def fail(*_: object) -> None:
        tried.append(held.coded._asked)
        raise error

    with monkeypatch.context() as failing:
        failing.setattr(module, "CodedRows", fail)
        answers = []
        for _ in range(15):
            answers += ask(index, allowed)
            index.settle()
        assert answers == answers[:1] * 15
        assert tried == [2], "it is not tried over and over"
        assert seen == ([type(error)] if told else [])
    ask(index, allowed)
    index.settle()
    assert keeps(held), "when it was asked for many times as often, it is tried again"
    assert ask(index, allowed)[0][0] == answers[0][0]


def test_without_a_thread_questions_are_answered_as_before(
    index: VectorIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def refuse(_: object) -> None:
        tried.append(1)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(beside._Making, "start", refuse)
    allowed = letting_through(5000)
    answers = ask(index, allowed, 10)
    index.settle()
    assert answers == answers[:1] * 10
    assert tried == [1]
    assert not keeps(passing(index, allowed))


EXIT = """
import sys, threading, time
import numpy as np
from vitrail.indexer.vectors import beside, coded
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.policy import IndexPolicy
from vitrail.indexer.vectors.rows import Rows

coded._ROWS_A_USE = 10**9
rows = np.random.default_rng(0).standard_normal((20_000, 96), dtype=np.float32)
rows /= np.linalg.norm(rows, axis=1, keepdims=True)
policy = IndexPolicy(exact_floats=0, cold_floats=0, gather_rows=400, samples=20, graph=False)
index = VectorIndex.create(96, policy=policy).with_rows(np.arange(20_000), rows).built()
allowed = np.arange(0, 20_000, 2)
allowed.flags.writeable = False
begun = threading.Event()
take = Rows.take
blocks = 0

def taken(rows, positions):
    global blocks
    if threading.current_thread().name == "vitrail-beside":
        blocks += 1
        begun.set()
        {within}
    return take(rows, positions)

Rows.take = taken
coded._TAKEN = 32
for _ in range(2):
    index.search(rows[:1], 5, allowed=allowed)
assert begun.wait(10)
assert index._parts.base._latest._beside.busy
print("leaving")
"""


@pytest.mark.parametrize(
    "within",
    ["begun.wait(0.01) and time.sleep(0.01)", "np.ones((400, 400)) @ np.ones((400, 400))", "hangs"],
)
def test_an_interpreter_that_ends_does_not_wait_for_it(within: str) -> None:
    if within == "hangs":
        within = "beside._PATIENCE = 0.2; threading.Event().wait(60)"
    script = EXIT.replace("{within}", within)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=50
    )
    assert time.monotonic() - began < 40
    assert (done.returncode, done.stdout, done.stderr) == (0, "leaving\n", "")


def test_nothing_is_begun_when_the_interpreter_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "_ending", True)
    later: Later[int] = Later()
    own = Beside()
    own.begin(lambda _: 1, later)
    own.wait()
    assert later.made is None
    assert not own.busy


def test_what_is_being_made_ends_with_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "_ending", False)
    later: Later[int] = Later()
    own = Beside()
    began = threading.Event()

    def make(go_on: Callable[[], None]) -> int:
        while True:
            began.set()
            go_on()

    own.begin(make, later)
    assert began.wait(10)
    making = own._making
    assert making is not None
    assert not making.over.is_set()
    beside._end()
    assert making.over.is_set()
    assert not own.busy
    assert later.made is None
    assert later.due(1), "that is no failure"
