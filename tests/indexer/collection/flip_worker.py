"""Flips bits of a catalog, and tells what a fresh process is told of each.

Run as a module with a collection's directory, a number of flips and a seed. Loads everything once,
opens nothing, and forks a process for each flip, which opens a copy to read, to write, and commits.
A line for each: the offset, and the class of what was raised, or ``ok``.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import duckdb  # noqa: F401
import numpy as np
import pyarrow.parquet  # noqa: F401

from tests.indexer.collection.holdings import files, images
from vitrail.indexer.catalog.catalog import FILE, Catalog
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import VitrailError
from vitrail.indexer.records import Batch

PATIENCE = 0.2  # nobody else is there to wait for


def work(place: Path) -> str:
    """What a process is told that reads, verifies and writes."""
    assert Catalog.__init__.__kwdefaults__ is not None
    Catalog.__init__.__kwdefaults__["patience"] = PATIENCE
    told = []
    try:
        with CollectionStore.open(place) as reader:
            reader.allowed_ids("true")
    except VitrailError as error:
        told.append(error)  # kept, as a service keeps it that logs it
    try:
        told += [VitrailError(f.problem) for f in verify(place).unreadable]
        with CollectionStore.open(place, writable=True) as writer:
            writer.commit(Batch(images([900]), files([900])))
    except VitrailError as error:
        told.append(error)
    return "; ".join(f"{type(error).__name__}: {error}" for error in told) or "ok"


def main() -> None:
    """Flip after flip."""
    whole, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    rng = np.random.default_rng(seed)
    data = (whole / FILE).read_bytes()
    for number in range(count):
        # Every other one in the three pages that every commit rewrites.
        offset = int(rng.integers(3 * 4096 if number % 2 else len(data)))
        place = whole.with_name(f"flip-{number}")
        shutil.copytree(whole, place)
        flipped = bytearray(data)
        flipped[offset] ^= 1 << int(rng.integers(8))
        (place / FILE).write_bytes(flipped)
        child = os.fork()
        if not child:
            try:
                print(offset, work(place), flush=True)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
