"""Reads, writes, jobs and others' commits for a while: nothing is wrong, and nothing grows."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.http.colours import painting, png
from tests.service.http.processes import SECONDS, answering
from vitrail.indexer.errors import CollectionLockedError
from vitrail.service.http.options import ServiceOptions
from vitrail.service.operations.collection import Collection

READERS = 4
GROWTH = 48 << 20  # bytes that a process may grow once all its caches are full


class Truth:
    """What is in the collection, as far as this test has put it there or taken it out.

    Attributes:
        there: id -> the colour of an image that stays.
        gone: ids of images that were taken out.
    """

    def __init__(self) -> None:
        self.there: dict[int, tuple[int, int, int]] = {}
        self.gone: set[int] = set()
        self.lock = threading.Lock()

    def some(self, chance: random.Random) -> tuple[int, tuple[int, int, int], set[int]]:
        """An image that stays, and those that had left by now."""
        with self.lock:
            number = chance.choice(list(self.there))
            return number, self.there[number], set(self.gone)


class Client:
    """Asks over one connection, and counts the statuses of what comes back."""

    def __init__(self, port: int, seen: Counter[int]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        self._seen, self._commit, self._used = seen, 0, 0.0

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        if time.monotonic() - self._used > 2:  # the service ends connections that are idle
            self._connection.close()
        self._connection.request(method, path, data, headers)
        answer = self._connection.getresponse()
        said = answer.read()
        self._used = time.monotonic()
        self._seen[answer.status] += 1
        kind = answer.getheader("content-type", "")
        told = json.loads(said) if "json" in kind else said
        if isinstance(told, dict) and "receipt" in told:
            commit = told["receipt"]["commit"]
            assert commit >= self._commit, "a reply of an older commit than the one before"
            self._commit = commit
        return told

    def close(self) -> None:
        self._connection.close()


def colour(number: int) -> tuple[int, int, int]:
    """A colour that no other number has, and that lies in a direction of its own."""
    chance = random.Random(number)
    return chance.randrange(256), chance.randrange(256), number % 256


def read(ask: Client, truth: Truth, chance: random.Random) -> None:
    """Ask for an image by its own pixels, and hold the answer to what is known."""
    number, its, gone = truth.some(chance)
    data = base64.b64encode(png(its)).decode()
    told = ask("POST", "/v1/search", {"positive": [{"data": data}], "k": 5})
    hits = {hit["id"]: hit["score"] for hit in told["hits"]}
    with truth.lock:
        if number not in truth.there:
            return
    assert max(hits.values()) > 0.9999, "nothing is as near as the image itself"
    assert not hits.keys() & gone, "an image that was taken out is found"
    found = ask("GET", f"/v1/images/{number}")
    if found.get("id") != number:  # it has left meanwhile
        with truth.lock:
            assert number not in truth.there
        return
    assert found["metadata"]["width"] == 16
    ask("GET", f"/v1/images/{number}/thumbnail")
    ask("POST", "/v1/facets", {"columns": ["format"]})


def write(ask: Client, truth: Truth, folder: Path, numbers: Iterator[int]) -> None:
    """Put an image there as another process would, label it, and take an older one out."""
    number = next(numbers)
    its = colour(number)
    (folder / "secret" / f"{number}.png").write_bytes(png(its))
    try:
        with Collection.open(folder / "colours") as other:
            other.index(folder / "secret")
            known = other.search(png(its), k=1).hits[0].id
    except CollectionLockedError:  # the service writes; that is told, and tried again
        return
    ask("POST", "/v1/annotations", {"ids": [known], "columns": {"stars": number % 5}})
    leaving = None
    with truth.lock:
        truth.there[known] = its
        if len(truth.there) > 20:
            leaving = min(truth.there)
            del truth.there[leaving]
    if leaving is not None:
        ask("DELETE", f"/v1/images/{leaving}")
        with truth.lock:
            truth.gone.add(leaving)


def work(ask: Client) -> None:
    """Ask for a job, and follow it to its end."""
    job = ask("POST", "/v1/jobs", {"kind": "sample", "count": 3})
    for _ in range(600):
        if ask("GET", f"/v1/jobs/{job['id']}")["state"] in ("done", "failed"):
            break
        time.sleep(0.05)
    assert ask("GET", f"/v1/jobs/{job['id']}")["state"] == "done"


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read as Linux has it")
@pytest.mark.parametrize(
    "seconds",
    [
        4,
        pytest.param(120, marks=pytest.mark.slow),
        pytest.param(3600, marks=pytest.mark.slow),
    ],
)
def test_nothing_goes_wrong_and_nothing_grows(tmp_path: Path, seconds: int) -> None:
    truth, seen, wrong, sizes = Truth(), Counter[int](), list[BaseException](), list[int]()
    numbers = itertools.count(1)
    with painting(tmp_path, jobs=True) as collection:
        options = ServiceOptions({"colours": collection}, tmp_path / "state")
        with answering(options) as port:
            first = Client(port, seen)
            while len(truth.there) < 3:
                write(first, truth, tmp_path, numbers)
            time.sleep(2)  # in which the service comes to know them
            ends = time.monotonic() + seconds

            def go_on(act: Callable[[Client, random.Random], None], number: int) -> None:
                ask, chance = Client(port, seen), random.Random(number)
                try:
                    while time.monotonic() < ends and not wrong:
                        act(ask, chance)
                except BaseException as error:
                    wrong.append(error)
                finally:
                    ask.close()

            acts: list[Callable[[Client, random.Random], None]] = [
                *([lambda ask, chance: read(ask, truth, chance)] * READERS),
                lambda ask, _: write(ask, truth, tmp_path, numbers),
                lambda ask, _: work(ask),
            ]
            threads = [threading.Thread(target=go_on, args=(act, n)) for n, act in enumerate(acts)]
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                sizes.append(resident())
                time.sleep(max(0.2, seconds / 200))
            first.close()
    if wrong:
        raise wrong[0]
    # another process may hold the lock, or the image have left, which both are told
    assert set(seen) <= {200, 202, 404, 409}, seen
    assert seen[200] > seconds
    assert seen[409] + seen[404] < seen[200] / 10, seen
    settled = sizes[len(sizes) // 3 :]
    if seconds > 60:
        assert max(settled) - settled[0] < GROWTH, [size >> 20 for size in sizes]
