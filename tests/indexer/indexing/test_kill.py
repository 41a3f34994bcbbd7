"""SIGKILL at random moments of an index run: nothing committed is lost, nothing is doubled."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import random
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fakes import ColourEncoder
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.indexing import committing
from vitrail.indexer.indexing.pipeline import IndexCounts, IndexOptions, index_folders

# How often, and of how many pictures.
KILLS = [(15, 200), pytest.param(50, 400, marks=pytest.mark.slow)]
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["vitrail.indexer.indexing.pipeline", "vitrail.indexer.collection.verification", "tests.fakes"]
)


def index_until_killed(
    home: str, folder: str, report: multiprocessing.connection.Connection
) -> None:
    """Index slowly, in commits of 8 pictures, telling after each how many are safe."""
    committing.COMMIT_IMAGES = 8
    encoder = ColourEncoder(before=lambda _: time.sleep(0.005))

    def tell(progress: IndexCounts) -> None:
        report.send(progress.committed)

    with CollectionStore.open(home, writable=True) as collection:
        report.send(-1)  # open: from here on a kill is worth something
        options = IndexOptions(batch_size=4)
        index_folders(collection, encoder, [folder], options=options, on_progress=tell)
    report.send(-2)


def run_and_kill(home: Path, folder: Path, delay: float) -> int:
    """Start a run, kill it ``delay`` seconds after it opened; pictures it said were committed."""
    receive, send = _context.Pipe(duplex=False)
    process = _context.Process(target=index_until_killed, args=(str(home), str(folder), send))
    process.start()
    send.close()
    assert receive.recv() == -1
    time.sleep(delay)
    process.kill()
    process.join()
    told = 0
    try:
        while True:
            told = max(told, receive.recv())
    except EOFError:
        return told


def contents(home: Path) -> Counter[str]:
    with CollectionStore.open(home) as collection:
        ids = collection.allowed_ids("true").tolist()
        assert sorted(ids) == collection.index("mean@1").ids().tolist()
        return Counter(row["content_hash"] for row in collection.metadata(ids))


def fresh_collection(home: Path) -> Path:
    CollectionStore.create(home, ColourEncoder().fingerprint).close()
    return home


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
@pytest.mark.parametrize(("kills", "pictures"), KILLS)
def test_kills_lose_nothing_committed_and_double_nothing(
    tmp_path: Path, kills: int, pictures: int
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(pictures):
        pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
    home = fresh_collection(tmp_path / "collection")
    moments = random.Random(7)
    kept = 0
    for kill in range(kills):
        told = run_and_kill(home, folder, moments.uniform(0, 0.25))
        found = contents(home)
        assert max(found.values(), default=1) == 1, f"kill {kill} doubled an image"
        assert len(found) >= kept + told, f"kill {kill} lost a committed image"
        kept = len(found)
        if kept == pictures:  # start afresh, so that every kill falls into work being done
            home = fresh_collection(tmp_path / f"collection{kill}")
            kept = 0
        assert verify(home).clean, f"kill {kill} left damage"

    with CollectionStore.open(home, writable=True) as collection:
        index_folders(collection, ColourEncoder(), [str(folder)])
    assert len(contents(home)) == pictures
    report = verify(home)
    assert report.clean
    assert report.findings == ()
