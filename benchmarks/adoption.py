"""How long the catalog is held exclusively when segments are adopted, and what a reader waits.

    python -m benchmarks.adoption --sizes 100000 1000000 --repeats 100

Vectors do not enter into it, so they are short and random. One process stages and adopts, another
asks the catalog for its last commit over and over, as a reader does that refreshes.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from duckdb import DuckDBPyConnection

from benchmarks import machine, report
from benchmarks.holdings import made_batch
from benchmarks.vectors import cache_folder
from vitrail.indexer.catalog.catalog import FILE, Catalog
from vitrail.indexer.catalog.state import last_seq
from vitrail.indexer.collection import maintenance
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.records import Batch, FileRecord, ImageRecord

FINGERPRINT = Fingerprint("made-up-vit", "0" * 64, {"size": [224, 224]}, (("cls@12", 64),))
BATCHES = (1, 32, 1024)
MERGED = 8  # segments a merge takes
COMMITTED = 10_000  # images a commit of the collection that all begin with
PAUSE = 0.005  # seconds between two questions of the reader
TARGET = 0.05  # seconds


def made(first: int, count: int) -> tuple[list[ImageRecord], list[FileRecord]]:
    """Images with random vectors, and a file for each."""
    rows = np.random.default_rng(first).standard_normal((count, 64)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    batch = made_batch(first, "cls@12", rows)
    return list(batch.images), list(batch.files)


def collection(size: int) -> Path:
    """A collection of so many images, made once."""
    place = cache_folder() / f"adopting-{size}"
    if not place.is_dir():
        partial = place.with_name(place.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        with CollectionStore.create(partial, FINGERPRINT) as writer:
            for first in range(0, size, COMMITTED):
                writer.commit(Batch(*made(first, min(COMMITTED, size - first))))
        os.rename(partial, place)
    return place


@contextmanager
def held(seconds: list[float]) -> Iterator[None]:
    """Note for how long each opening for writing holds the file, from having it to giving it up."""
    real, retrying = Catalog._open, Catalog._retrying
    begun = 0.0

    def attached(self: Catalog, attempt: Any) -> Any:
        nonlocal begun
        result = retrying(self, attempt)
        begun = time.perf_counter()
        return result

    @contextmanager
    def opened(
        self: Catalog, *, read_only: bool, create: bool = False
    ) -> Iterator[DuckDBPyConnection]:
        with real(self, read_only=read_only, create=create) as connection:
            yield connection
        if not read_only:
            seconds.append(time.perf_counter() - begun)

    Catalog._open, Catalog._retrying = opened, attached  # type: ignore[method-assign]
    try:
        yield
    finally:
        Catalog._open, Catalog._retrying = real, retrying  # type: ignore[method-assign]


def read(place: str) -> None:
    """Ask for the last commit until the standard input ends; print all seconds that it took."""
    catalog, took = Catalog(os.path.join(place, FILE)), []
    print("reading", flush=True)
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        started = time.perf_counter()
        with catalog.reading() as connection:
            last_seq(connection)
        took.append(time.perf_counter() - started)
    print(json.dumps(took))


@contextmanager
def reading(place: Path, seconds: list[float]) -> Iterator[None]:
    """A reader in a process of its own; what it waited, alone first."""
    command = [sys.executable, "-m", "benchmarks.adoption", "--read", str(place)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.stdin.close()
            seconds += json.loads(process.stdout.readline())


def measure(size: int, repeats: int) -> dict[str, Any]:
    """What adoptions and merges take in a collection of ``size`` images."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="vitrail-benchmark-") as scratch:
        place = Path(shutil.copytree(collection(size), Path(scratch) / "collection"))
        alone: list[float] = []
        with reading(place, alone):
            time.sleep(2)
        found["reader alone"] = {"waited": alone}
        first = size
        with CollectionStore.open(place, writable=True) as writer:
            for count in BATCHES:
                found[f"batch of {count:,}"] = adopted(writer, first, count, repeats)
                first += count * (repeats + 1)
            merges = max(1, repeats // 10)
            found[f"merge of {MERGED} segments"] = merged(writer, first, merges)
            writer.forget_changes()
    return {"images": size, "found": found}


def adopted(writer: CollectionStore, first: int, count: int, repeats: int) -> dict[str, Any]:
    """Stage and adopt batches, the first of which is not counted."""
    exclusive: list[float] = []
    waited: list[float] = []
    whole = []
    with reading(Path(writer.directory), waited):
        for start in range(first, first + count * (repeats + 1), count):
            staged = writer.stage(writer.reserve(count), *made(start, count))
            each: list[float] = []
            with held(each):
                began = time.perf_counter()
                writer.adopt([staged])
                whole.append(time.perf_counter() - began)
            exclusive += each[:1]
    return {"exclusive": exclusive[1:], "whole": whole[1:], "waited": waited}


def merged(writer: CollectionStore, first: int, merges: int) -> dict[str, Any]:
    """Merge segments of a thousand images, newly adopted for each merge."""
    exclusive: list[float] = []
    waited: list[float] = []
    whole = []
    folder = os.path.join(writer.directory, "segments")
    with reading(Path(writer.directory), waited):
        for merge in range(merges):
            names = set()
            for number in range(MERGED):
                start = first + 1000 * (MERGED * merge + number)
                staged = writer.stage(writer.reserve(1000), *made(start, 1000))
                writer.adopt([staged])
                names.add(staged.segment.name)
            group = [segment for segment in writer.state.segments if segment.name in names]
            each: list[float] = []
            with held(each):
                began = time.perf_counter()
                maintenance.merge_segments(writer._catalog, folder, writer.fingerprint, group)
                whole.append(time.perf_counter() - began)
            writer.refresh()
            exclusive += each
    return {"exclusive": exclusive, "whole": whole, "waited": waited}


def markdown(content: dict[str, Any]) -> str:
    """The page for people."""
    parts = [
        report.heading("Adopting segments", content["machine"]),
        f"Load when starting: {content['load_when_starting']:.1f}. A reader waits at most as long "
        "as the catalog is held exclusively: the target is a p99 below "
        f"{1e3 * TARGET:.0f} ms at a million images. Whole is what the writer's call takes, with "
        "reading the staged file and refreshing its own state.\n",
    ]
    for one in content["sizes"]:
        rows = []
        for name, took in one["found"].items():
            cells = [_times(took.get(kind, [])) for kind in ("exclusive", "whole")]
            longest = f"{1e3 * max(took['waited']):,.1f} ms"
            rows.append([name, *(cell for pair in cells for cell in pair), longest])
        parts += [
            f"## {one['images']:,} images\n",
            report.table(
                [
                    *("", "exclusive least", "p50", "p99"),
                    *("whole least", "p50", "p99", "a reader's longest wait"),
                ],
                rows,
            )
            + "\n",
        ]
    return "\n".join(parts)


def _times(seconds: list[float]) -> list[str]:
    """The least of some times, their median and their 99th percentile."""
    if not seconds:
        return [""] * 3
    return [f"{1e3 * float(np.percentile(seconds, at)):,.1f} ms" for at in (0, 50, 99)]


def main() -> None:
    parser = argparse.ArgumentParser(description="adoption benchmark; see the module's text")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000])
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    parser.add_argument("--read", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read(options.read)
        return
    content = {
        "machine": machine.describe(machine.command_line("benchmarks.adoption")),
        "load_when_starting": os.getloadavg()[0],
        "repeats": options.repeats,
        "sizes": [measure(size, options.repeats) for size in options.sizes],
    }
    report.write("adoption", content, markdown(content), options.results)


if __name__ == "__main__":
    main()
