"""SIGKILL of a service while one job indexes and one generates: nothing committed is lost."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.generator.tiny import build_sd
from tests.service.colours import CHECKPOINT, colour_fingerprint
from tests.service.http.colour_service import run
from tests.service.http.following import OVER
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.service.http.jobs.recovery import MOST_TRIES

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
SECONDS = 120.0  # in which a service has to begin, and jobs to be done, however busy the machine
# How often, and of how many images each.
KILLS = [(1, 20), pytest.param(30, 150, marks=pytest.mark.slow)]
FEW = {"model": "tiny", "steps": 1, "guidance": 1, "scheduler": "ddim"}


_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["diffusers", "vitrail.generator.models.pipelines", "tests.service.http.colour_service"]
)


class Service:
    """One process of it."""

    def __init__(self, folder: Path) -> None:
        receive, send = _context.Pipe(duplex=False)
        self.process = _context.Process(target=run, args=(folder, send))
        self.process.start()
        send.close()
        self.address: str = receive.recv()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A reply."""
        asked = urllib.request.Request(
            f"{self.address}/v1/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(asked, timeout=SECONDS) as reply:
            return json.load(reply)

    def over(self, job: str) -> Any:
        """A job, once it is over."""
        until(lambda: self.ask("GET", f"jobs/{job}")["state"] in OVER)
        return self.ask("GET", f"jobs/{job}")

    def kill(self) -> None:
        """As a power cut would, but for the disk."""
        self.process.kill()
        self.process.join()


@contextmanager
def serving(folder: Path) -> Iterator[Service]:
    service = Service(folder)
    try:
        yield service
    finally:
        service.kill()


def until(met: Callable[[], Any]) -> Any:
    end = time.monotonic() + SECONDS
    while not (found := met()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)
    return found


def contents(home: Path) -> Counter[str]:
    """What a collection holds: prompts of generated images, content hashes of others."""
    with CollectionStore.open(home) as store:
        rows = store.metadata(store.allowed_ids("true").tolist())
        return Counter(str(row["prompt"] or row["content_hash"]) for row in rows)


def prepare(folder: Path, images: int, *, draws: bool = False) -> None:
    (folder / "photos").mkdir()
    random_ = np.random.default_rng(0)
    for number in range(images):
        pixels = random_.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{number:03}.png")
    for name in "ab":
        CollectionStore.create(folder / name, colour_fingerprint(CHECKPOINT)).close()
    if not draws:
        (folder / "tiny").mkdir()
        return
    # where diffusers is loaded already
    drawn = _context.Process(target=build_sd, args=(folder / "tiny",))
    drawn.start()
    drawn.join()


def committed(service: Service, jobs: dict[str, str]) -> dict[str, int]:
    """How many images each job has said are committed."""
    told = {}
    for name, job in jobs.items():
        progress = service.ask("GET", f"jobs/{job}")["progress"] or {}
        counts = progress.get("counts") or {}
        # whole chunks of generated images are, once it goes on with the next
        told[name] = counts.get("committed", max(0, counts.get("made", 0) - 4))
    return told


@pytest.mark.parametrize(("kills", "images"), KILLS)
def test_kills_lose_nothing_and_jobs_go_on(tmp_path: Path, kills: int, images: int) -> None:
    prepare(tmp_path, images, draws=True)
    prompts = [f"number {number}" for number in range(images)]
    moments = random.Random(5)
    with serving(tmp_path) as service:
        loads = service.ask("POST", "generate?collection=b", {"prompt": "first", **FEW})["id"]
        assert service.over(loads)["state"] == "done"  # so that both are at work at once
        jobs = {
            "a": service.ask("POST", "index?collection=a", {"root": "photos"})["id"],
            "b": service.ask("POST", "generate?collection=b", {"prompt": prompts, **FEW})["id"],
        }
        waits = service.ask("POST", "index?collection=b", {"root": "photos"})["id"]
        until(lambda: all(committed(service, jobs).values()))
        told = committed(service, jobs)
        service.kill()
    for kill in range(1, kills + 1):
        for name in "ab":
            found = contents(tmp_path / name)
            assert max(found.values()) == 1, f"kill {kill} doubled an image of {name}"
            assert len(found) >= told[name], f"kill {kill} lost an image of {name}"
            assert verify(tmp_path / name).clean, f"kill {kill} damaged {name}"
        with serving(tmp_path) as service:
            for job in (*jobs.values(), waits):  # none is lost: each goes on, or says why not
                now = service.ask("GET", f"jobs/{job}")
                if now["state"] == "interrupted":
                    assert now["tries"] == MOST_TRIES
                    assert now["problem"]["code"] == "interrupted"
                    service.ask("POST", f"jobs/{job}/retry")
                else:
                    assert now["state"] in ("queued", "waiting", "running", "done"), now
                    assert now["problem"] is None
            if kill < kills:
                time.sleep(moments.uniform(0, 0.6))
                told = {k: max(told[k], n) for k, n in committed(service, jobs).items()}
                service.kill()
                continue
            for job in (*jobs.values(), waits):
                done = service.over(job)
                assert (done["state"], done["result"]) == ("done", True), done
            result = service.ask("GET", f"jobs/{jobs['b']}/result")
            assert result["made"] + result["there"] == images
            assert result["there"] >= told["b"]
    photos = contents(tmp_path / "a")
    assert (len(photos), max(photos.values())) == (images, 1)
    assert contents(tmp_path / "b") == photos + Counter(["first", *prompts])
    for name in "ab":
        assert verify(tmp_path / name).findings == ()


def test_an_analysis_that_was_killed_is_told_as_interrupted(tmp_path: Path) -> None:
    prepare(tmp_path, 12)
    with serving(tmp_path) as service:
        job = service.ask("POST", "index?collection=a", {"root": "photos"})["id"]
        assert service.over(job)["state"] == "done"
        # the encoder looks at one pair after the other, which takes it long enough to be killed
        first, second = (
            service.ask("POST", "compare-images?collection=a", {"a": {"id": 1}, "b": {"id": n}})
            for n in (2, 3)
        )
        until(lambda: service.ask("GET", f"jobs/{first['id']}")["state"] != "queued")
        killed = service.ask("GET", f"jobs/{first['id']}")
        service.kill()
    with serving(tmp_path) as service:
        now = service.ask("GET", f"jobs/{first['id']}")
        if killed["state"] == "running" and now["state"] != "failed":
            assert (now["state"], now["problem"]["code"]) == ("interrupted", "interrupted")
            assert "ended while this job ran" in now["problem"]["detail"]
        service.over(second["id"])


def test_a_service_that_is_told_to_stop_leaves_its_jobs_to_the_next(tmp_path: Path) -> None:
    prepare(tmp_path, 40)
    with serving(tmp_path) as service:
        job = service.ask("POST", "index?collection=a", {"root": "photos"})["id"]
        until(lambda: committed(service, {"a": job})["a"])
        follow = urllib.request.urlopen(f"{service.address}/v1/jobs/{job}/events", timeout=SECONDS)
        assert follow.readline().startswith(b"event: job")
        service.process.terminate()
        service.process.join(SECONDS)
        assert service.process.exitcode == 0  # an open stream does not hold it up
        assert b"data: " in follow.read()  # and ends in good order
    found = contents(tmp_path / "a")
    assert len(found) > 0
    with serving(tmp_path) as service:
        done = service.over(job)
        assert (done["state"], done["problem"]) == ("done", None)
    assert len(contents(tmp_path / "a")) == 40
