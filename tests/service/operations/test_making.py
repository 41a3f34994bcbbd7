"""SIGKILL at random moments of a long generation: no image lost, none doubled."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.fakes import ColourEncoder
from tests.generator.tiny import build_sd
from vitrail.generator.checkpoints.files import find_checkpoint
from vitrail.generator.checks import Sampling
from vitrail.generator.tasks import text_to_image
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.making import CHUNK, Generated, Work, make_and_index
from vitrail.service.operations.progress import Event, GenerationProgress

# How often, and of how many images; a kill comes after at most half of them.
KILLS = [(6, 60), pytest.param(50, 200, marks=pytest.mark.slow)]
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["diffusers", "vitrail.generator.models.pipelines", "vitrail.service.operations.making"]
)


def make_all(
    home: Path,
    checkpoint: Path,
    prompts: int,
    report: multiprocessing.connection.Connection | None = None,
) -> Generated:
    """Make and index every prompt's image, telling how many the collection holds for sure."""
    info = find_checkpoint(str(checkpoint))
    sampling = Sampling(n=1, steps=1, guidance=1.0, scheduler="ddim")
    recipes = [
        text_to_image.plan(info, f"number {i}", sampling=sampling)[0] for i in range(prompts)
    ]
    with Collection.open(home, encoder=ColourEncoder()) as pictures:

        def tell(event: Event) -> None:
            if report is not None and isinstance(event, GenerationProgress) and event.done:
                report.send(len(pictures.store))

        work = Work(info, recipes, device="cpu")
        return make_and_index(pictures, work, progress=tell)


def run_and_kill(home: Path, checkpoint: Path, prompts: int, images: int, delay: float) -> int:
    """Start a run, kill it ``delay`` seconds after so many images; those it said were safe."""
    receive, send = _context.Pipe(duplex=False)
    process = _context.Process(target=make_all, args=(home, checkpoint, prompts, send))
    process.start()
    send.close()
    told = 0
    try:
        for _ in range(images):
            told = max(told, receive.recv())
        time.sleep(delay)
        process.kill()
        process.join()
        while True:
            told = max(told, receive.recv())
    except EOFError:
        process.join()
        return told


def contents(home: Path) -> Counter[str]:
    with CollectionStore.open(home) as store:
        ids = store.allowed_ids("generated").tolist()
        return Counter(str(row["prompt"]) for row in store.metadata(ids))


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
@pytest.mark.parametrize(("kills", "prompts"), KILLS)
def test_kills_lose_no_image_and_double_none(tmp_path: Path, kills: int, prompts: int) -> None:
    checkpoint = build_sd(tmp_path / "checkpoint")
    home = tmp_path / "collection"
    CollectionStore.create(home, ColourEncoder().fingerprint).close()
    moments = random.Random(3)
    kept = 0
    for kill in range(kills):
        # every other time once a chunk is whole, which is then being committed
        whole = CHUNK * moments.randint(1, 2)
        images = whole if kill % 2 else moments.randint(1, prompts // 2)
        delay = moments.uniform(0, 0.05)
        told = run_and_kill(home, checkpoint, prompts, images, delay)
        found = contents(home)
        assert max(found.values(), default=1) == 1, f"kill {kill} doubled an image"
        assert len(found) >= max(told, kept), f"kill {kill} lost a committed image"
        assert verify(home).clean, f"kill {kill} left damage"
        kept = len(found)
        if kept == prompts and kill + 1 < kills:  # so that every kill falls into work being done
            home, kept = tmp_path / f"collection{kill}", 0
            CollectionStore.create(home, ColourEncoder().fingerprint).close()

    made = make_all(home, checkpoint, prompts)
    assert made.made + made.there == prompts
    assert made.there >= kept
    assert contents(home) == Counter({f"number {i}": 1 for i in range(prompts)})
    assert verify(home).findings == ()
    again = make_all(home, checkpoint, prompts)
    assert (again.made, again.there) == (0, prompts)
