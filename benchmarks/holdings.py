"""The collections that the everyday benchmark asks, made once, and the times of changing one.

``python -m benchmarks.holdings make N`` makes what is missing; ``... change N`` adds a picture to a
collection of N vectors and removes it again, several times; ``... ask N`` opens that collection as
a service does and asks it. All print JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.checkpoints import TINY, checkpoint_folder
from benchmarks.pictures import cache_folder, small
from benchmarks.vectors import blocks, load_vectors
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.encoders import (
    EMBEDDED,
    Encoder,
    EncoderSettings,
    load_encoder,
    read_fingerprint,
)
from vitrail.indexer.encoders.base import Encoded, PatchTokens
from vitrail.indexer.indexing.pipeline import index_folders
from vitrail.indexer.records import Batch, FileRecord, ImageRecord
from vitrail.search.options import SearchOptions
from vitrail.search.query import Query
from vitrail.search.searcher import Searcher

UNCHANGED, QUERIED = 10_000, 1_000
COMMITTED = 10_000
CHANGES = 5
KINDS = 1000
ASKED = 50
FILTERS = {
    "no filter": None,
    "one label of 1,000": "label = 'kind-{number:03}'",
    "the same label again": "label = 'kind-007'",
    "half, by width": "width > {number} + 1024",
    "a name's pattern": "name like '%{number:02}.jpg'",
}


def unchanged() -> tuple[Path, Path]:
    """A folder of 10,000 small pictures and its collection, by a tiny ViT through the pipeline."""
    folder = small(UNCHANGED, 32)
    return folder, _indexed(f"unchanged-{UNCHANGED}", folder, str(checkpoint_folder(TINY)))


def queried() -> tuple[Path, Path]:
    """A folder of 1,000 pictures and its collection by the embedded encoder."""
    folder = small(QUERIED, 256)
    return folder, _indexed(f"queried-{QUERIED}", folder, EMBEDDED)


def large(size: int) -> Path:
    """A collection of real ViT vectors under the embedded encoder, in 1,000 folders that label."""
    rows, _ = load_vectors(size)
    return _made(
        f"labelled-{size}", lambda place: fill_collection(place, (b for _, b in blocks(rows)))
    )


def flat(size: int) -> Path:
    """The same vectors in FAISS's exact index, as a tutorial would keep them."""
    import faiss

    place = cache_folder() / f"flat-{size}.faiss"
    if not place.exists():
        rows, _ = load_vectors(size)
        index = faiss.IndexFlatIP(rows.shape[1])
        for _, block in blocks(rows):
            index.add(block)
        faiss.write_index(index, str(place))
    return place


def fill_collection(place: str | os.PathLike[str], blocks: Iterable[NDArray[np.float32]]) -> str:
    """Create a collection of given vectors under the embedded encoder, with made-up files.

    Args:
        place: directory to create.
        blocks: (n, 384) float32 unit rows each.

    Returns:
        The space they were stored in.
    """
    fingerprint = read_fingerprint(EMBEDDED)
    ((space, _),) = fingerprint.spaces
    with CollectionStore.create(place, fingerprint) as collection:
        start = 0
        for block in blocks:
            for part in range(0, len(block), COMMITTED):
                rows = block[part : part + COMMITTED]
                collection.commit(made_batch(start, space, rows))
                start += len(rows)
        calibrate(collection)
    return space


def calibrate(collection: CollectionStore) -> None:
    """Leave what a run of ``vitrail index`` leaves at its end, but for copies of images."""
    from vitrail.search.calibration.calibration_file import write_calibration
    from vitrail.search.calibration.fitting import fit_calibration

    snapshot = collection.snapshot()
    made = fit_calibration(snapshot, tuple(snapshot.spaces))
    if made is not None:
        write_calibration(collection.directory, snapshot.state, made)


def change(size: int) -> dict[str, Any]:
    """Seconds of adding one picture, without the encoder's, and of removing it, several times."""
    pictures = sorted(small(QUERIED, 256).iterdir())[:CHANGES]
    encoder = Timed(load_encoder(EncoderSettings(EMBEDDED)))
    ((space, _),) = encoder.fingerprint.spaces
    times: dict[str, list[float]] = {"add": [], "close": [], "encode": [], "remove": []}
    visible = hidden = 0
    with tempfile.TemporaryDirectory(prefix="vitrail-benchmark-") as scratch:
        place = shutil.copytree(large(size), Path(scratch) / "collection")
        for picture in pictures:
            encoder.seconds = 0.0
            started = time.perf_counter()
            collection = CollectionStore.open(place, writable=True)
            index_folders(collection, encoder, [str(picture)])
            added = time.perf_counter()
            collection.close()
            times["close"].append(time.perf_counter() - added)
            times["add"].append(added - started - encoder.seconds)
            times["encode"].append(encoder.seconds)
            with CollectionStore.open(place, writable=True) as collection:
                image = collection.resolve(str(picture))
                query = collection.vectors([image], space)
                visible += image in collection.index(space).search(query, 1).ids
                started = time.perf_counter()
                collection.remove([image])
                found = collection.index(space).search(query, 10).ids
                times["remove"].append(time.perf_counter() - started)
                hidden += image not in found
    return {**times, "visible": visible, "hidden": hidden, "changes": CHANGES, "vectors": size}


def ask(size: int) -> dict[str, Any]:
    """Seconds a service waits: to open and warm, for a query, and for one under each filter."""
    before = psutil.Process().memory_full_info()
    started = time.perf_counter()
    collection = CollectionStore.open(large(size))
    opened = time.perf_counter()
    collection.warm()
    warm = time.perf_counter()
    searcher = Searcher(collection)
    ((space, _),) = collection.fingerprint.spaces
    queries = collection.vectors(range(1, size, size // ASKED), space)[:ASKED]

    def seconds(filters: list[str | None]) -> list[float]:
        took = []
        for where, query in zip(filters, queries, strict=True):
            began = time.perf_counter()
            searcher.search(
                Query({space: query[None]}, {space: 1.0}, SearchOptions(k=10, where=where))
            )
            took.append(time.perf_counter() - began)
        return took

    answers = {
        name: seconds([each and each.format(number=number) for number in range(ASKED)])
        for name, each in FILTERS.items()
    }
    after = psutil.Process().memory_full_info()
    return {
        "vectors": size,
        "open": opened - started,
        "warm": warm - opened,
        "answers": answers,
        "memory": after.rss - before.rss,
        "anonymous": (after.uss - after.shared) - (before.uss - before.shared),
    }


class Timed:
    """An encoder that adds up its own seconds."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.fingerprint, self.spaces = encoder.fingerprint, encoder.spaces
        self.preprocess, self.image_size = encoder.preprocess, encoder.image_size
        self.labels, self.runtime = encoder.labels, encoder.runtime
        self.seconds = 0.0

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        """As the encoder does."""
        started = time.perf_counter()
        encoded = self._encoder.encode(pixels)
        self.seconds += time.perf_counter() - started
        return encoded

    def patch_tokens(self, pixels: NDArray[np.uint8], layers: Sequence[int]) -> PatchTokens:
        """As the encoder's, which nothing here asks for."""
        return self._encoder.patch_tokens(pixels, layers)


def _indexed(name: str, folder: Path, checkpoint: str) -> Path:
    def fill(place: Path) -> None:
        encoder = load_encoder(EncoderSettings(checkpoint))
        with CollectionStore.create(place, encoder.fingerprint) as collection:
            index_folders(collection, encoder, [str(folder)])

    return _made(name, fill)


def _made(name: str, fill: Callable[[Path], object]) -> Path:
    place = cache_folder() / name
    if not place.is_dir():
        partial = place.with_name(name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        fill(partial)
        os.rename(partial, place)
    return place


def made_batch(start: int, space: str, rows: NDArray[np.float32]) -> Batch:
    """Images of (n, dim) vectors, numbered from ``start``, and a file for each."""
    images, files = [], []
    for number, row in enumerate(rows, start):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        images.append(
            ImageRecord(
                content_hash=digest,
                width=64 * (1 + number % 32),
                height=64,
                format="JPEG",
                bytes=1000,
                taken_at=None,
                camera=None,
                generated=False,
                recipe=None,
                vectors={space: row},
            )
        )
        label = f"kind-{number % KINDS:03}"
        # Elsewhere than any real picture, so that no scan takes them for gone.
        path = f"/made/up/{label}/{number:08}.jpg"
        files.append(FileRecord(path, 1000, 1, digest, label=label))
    return Batch(images, files)


def main() -> None:
    word, *sizes = sys.argv[1:]
    if word in ("change", "ask"):
        print(json.dumps((change if word == "change" else ask)(int(sizes[0]))))
        return
    made = {"unchanged": unchanged(), "queried": queried()}
    held = [[str(large(int(size))), str(flat(int(size)))] for size in sizes]
    folders = {name: [str(path) for path in paths] for name, paths in made.items()}
    print(json.dumps({**folders, "large": held}))


if __name__ == "__main__":
    main()
