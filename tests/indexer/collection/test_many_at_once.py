"""Threads that search, one that refreshes, a process that writes: each answer is of one commit.

Each image's number decides its vectors, its path, its label and its width; what was live at which
commit is told by the writer. So each answer can be worked out anew, whatever went on meanwhile.
"""

from __future__ import annotations

import bisect
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import pytest

from tests.indexer.collection.holdings import content, vector
from vitrail.indexer.collection.snapshot import Snapshot
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CollectionError
from vitrail.search.options import SearchOptions
from vitrail.search.query import Query
from vitrail.search.searcher import Searcher

ROOT = Path(__file__).parents[3]
SPACE = "cls@2"
THREADS = 8
MOST = 3000
# Adds, removes, brings back, merges and saves without a pause; tells the commit and what is live.
_WRITER = """
import json, os, sys, threading
import numpy as np
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.maintenance import merge_segments
from vitrail.indexer.records import Batch
from vitrail.indexer.vectors import indexes
from tests.indexer.collection.holdings import FINGERPRINT, content, file, image

indexes._TAIL_ROWS, indexes._TAIL_SHARE, indexes._HIDDEN_SHARE = 30, 0.05, 0.1
place, most = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(5)
live, gone, next_number = set(), set(), 0
ended = threading.Event()

def listen():
    os.read(0, 1)  # returns once the other end is closed
    ended.set()

def tell(writer):
    print(json.dumps([writer.state.seq, sorted(live)]), flush=True)

def put(writer, numbers):
    files = [file(f"/p/{n}.jpg", n, label=f"l{n % 3}", mtime_ns=writer.state.seq) for n in numbers]
    writer.commit(Batch([image(n, width=100 + n) for n in numbers], files))
    live.update(numbers)
    gone.difference_update(numbers)
    tell(writer)

threading.Thread(target=listen, daemon=True).start()
CollectionStore.create(place, FINGERPRINT).close()
while next_number < most:
    with CollectionStore.open(place, writable=True) as writer:
        for _ in range(int(rng.integers(1, 6))):
            count = int(rng.integers(1, 5))
            put(writer, list(range(next_number, next_number + count)))
            next_number += count
            if len(live) > 10 and rng.random() < 0.5:
                chosen = rng.choice(sorted(live), 2, replace=False).tolist()
                writer.commit(Batch(gone=[f"/p/{n}.jpg" for n in chosen]))
                live.difference_update(chosen)
                gone.update(chosen)
                tell(writer)
            if gone and rng.random() < 0.3:
                put(writer, [int(rng.choice(sorted(gone)))])
        if rng.random() < 0.3:
            folder = place + "/segments"
            merge_segments(writer._catalog, folder, writer.fingerprint, writer.state.segments)
            writer.refresh()
    if ended.is_set():
        break
"""


class Account:
    """What was live at which commit."""

    def __init__(self) -> None:
        self._seqs = [0]
        self._live: list[list[int]] = [[]]

    def note(self, line: str) -> None:
        seq, live = json.loads(line)
        self._seqs.append(seq)
        self._live.append(live)

    def at(self, seq: int) -> list[int]:
        return self._live[bisect.bisect_right(self._seqs, seq) - 1]


class Answer(NamedTuple):
    """What came of a question: the commit it was put to, the image asked for, the label, hits."""

    seq: int
    number: int
    third: int | None
    hits: list[tuple[int, float, int, str]]


def ask(snapshot: Snapshot, rng: np.random.Generator) -> Answer:
    """One random question, and what came of it."""
    number = int(rng.integers(0, max(1, len(snapshot) + 40)))
    third = int(rng.integers(3)) if rng.random() < 0.6 else None
    where = None if third is None else f"label = 'l{third}'"
    options = SearchOptions(k=5, where=where)
    query = Query({SPACE: vector(number, SPACE)[None]}, {SPACE: 1.0}, options)
    result = Searcher(snapshot).search(query)
    assert result.exact
    hits = [
        (int(hit.paths[0][3:-4]), hit.score, hit.metadata["width"], hit.metadata["content_hash"])
        for hit in result.hits
    ]
    return Answer(snapshot.state.seq, number, third, hits)


def check(account: Account, answer: Answer) -> None:
    """An answer is what its commit's images make it."""
    seq, number, third, hits = answer
    live = [n for n in account.at(seq) if third is None or n % 3 == third]
    asked = vector(number, SPACE)
    scores = {n: float(VECTORS[n] @ asked) for n in live}
    best = sorted(scores.values(), reverse=True)[:5]
    assert len(hits) == len(best), (seq, number, third)
    for (found, score, width, digest), expected in zip(hits, best, strict=True):
        assert found in scores, (seq, found)
        assert width == 100 + found
        assert digest == content(found)
        assert abs(score - scores[found]) < 1e-5
        assert abs(score - expected) < 1e-5


VECTORS = np.stack([vector(number, SPACE) for number in range(MOST + 8)])


def run(place: Path, *, seconds: float = 0, answered: int = 1, commits: int = 1) -> int:
    """Let all of them work side by side, and look at each answer; how many there were.

    Args:
        place: where the collection is made.
        seconds: for how long at least,
        answered: and until there were so many answers,
        commits: of so many commits.
    """
    account, end = Account(), time.monotonic() + seconds
    answers: list[Answer] = []
    errors: list[BaseException] = []
    done = threading.Event()
    command = [sys.executable, "-c", _WRITER, str(place), str(MOST)]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        account.note(process.stdout.readline())
        reader = CollectionStore.open(place)

        def listen(lines: IO[str]) -> None:
            for line in lines:
                account.note(line)

        def refresh() -> None:
            while not done.is_set():
                reader.refresh()
                time.sleep(0.01)

        def search(seed: int) -> None:
            rng = np.random.default_rng(seed)
            held = reader.snapshot(SPACE)
            while not done.is_set():
                answers.append(ask(held, rng))
                if rng.random() < 0.5:
                    held = reader.snapshot(SPACE)

        def watched(work: Callable[..., None], *given: int) -> None:
            try:
                work(*given)
            except BaseException as error:
                errors.append(error)
                done.set()

        threads = [threading.Thread(target=watched, args=(search, n)) for n in range(THREADS)]
        threads.append(threading.Thread(target=watched, args=(refresh,)))
        threads.append(threading.Thread(target=watched, args=(listen, process.stdout)))
        for thread in threads:
            thread.start()

        def enough() -> bool:
            seen = {answer.seq for answer in list(answers)}
            return time.monotonic() > end and len(answers) >= answered and len(seen) >= commits

        while not enough() and process.poll() is None and not done.is_set():
            time.sleep(0.05)
        done.set()
        process.stdin.close()
        process.wait()
        for thread in threads:
            thread.join()
        assert process.returncode == 0
        reader.close()
    if errors:
        raise errors[0]
    for answer in answers:
        check(account, answer)
    assert len({answer.seq for answer in answers}) >= commits
    return len(answers)


def test_threads_search_while_others_refresh_and_write(tmp_path: Path) -> None:
    assert run(tmp_path / "c", answered=100, commits=5) >= 100


@pytest.mark.slow
def test_threads_search_for_a_minute_while_others_refresh_and_write(tmp_path: Path) -> None:
    answers = run(tmp_path / "c", seconds=60, answered=1000, commits=50)
    print(f"{answers} answers")


def test_an_answer_that_mixes_commits_is_noticed() -> None:
    """The check that the other tests rest on can fail."""
    account = Account()
    account.note(json.dumps([5, [0, 3, 6]]))
    account.note(json.dumps([8, [0, 3]]))
    hit = (6, float(VECTORS[6] @ VECTORS[6]), 106, content(6))
    others = sorted((float(VECTORS[n] @ VECTORS[6]), n) for n in (0, 3))[::-1]
    rest = [(n, score, 100 + n, content(n)) for score, n in others]
    check(account, Answer(7, 6, 0, [hit, *rest]))
    for wrong in ((8, 6, 0, [hit, *rest]), (7, 6, 0, rest), (7, 6, 0, [hit, *rest[::-1]])):
        with pytest.raises(AssertionError):
            check(account, Answer(*wrong))


def test_errors_of_threads_are_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise CollectionError("as if")

    monkeypatch.setattr(Snapshot, "allowed_ids", broken)
    with pytest.raises(CollectionError, match="as if"):
        run(tmp_path / "c", seconds=20)
