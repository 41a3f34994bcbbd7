"""The collections that the everyday benchmark asks, made once, and the times of changing one.

``python -m benchmarks.holdings make`` makes what is missing; ``... change`` adds a picture to a
collection of 100,000 vectors and removes it again, several times, and prints JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.checkpoints import TINY, checkpoint_folder
from benchmarks.pictures import cache_folder, small
from indexer.collection.collection import Collection
from indexer.encoders import EMBEDDED, Encoder, load_encoder, read_fingerprint
from indexer.encoders.base import Encoded
from indexer.indexing.pipeline import index_folders
from indexer.records import Batch, FileRecord, ImageRecord

UNCHANGED, QUERIED, LARGE = 10_000, 1_000, 100_000
COMMITTED = 10_000
CHANGES = 5


def unchanged() -> tuple[Path, Path]:
    """A folder of 10,000 small pictures and its collection, by a tiny ViT through the pipeline."""
    folder = small(UNCHANGED, 32)
    return folder, _indexed(f"unchanged-{UNCHANGED}", folder, str(checkpoint_folder(TINY)))


def queried() -> tuple[Path, Path]:
    """A folder of 1,000 pictures and its collection by the embedded encoder."""
    folder = small(QUERIED, 256)
    return folder, _indexed(f"queried-{QUERIED}", folder, EMBEDDED)


def large() -> Path:
    """A collection of 100,000 seeded vectors around 1,000 centres, under the embedded encoder."""
    ((_, dim),) = read_fingerprint(EMBEDDED).spaces

    def rows() -> Iterator[NDArray[np.float32]]:
        rng = np.random.default_rng(0)
        centres = rng.standard_normal((1000, dim), np.float32)
        for _ in range(0, LARGE, COMMITTED):
            block = centres[rng.integers(len(centres), size=COMMITTED)]
            block = block + 0.5 * rng.standard_normal(block.shape, np.float32)
            yield block / np.linalg.norm(block, axis=1, keepdims=True)

    return _made(f"large-{LARGE}", lambda place: fill_collection(place, rows()))


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
    with Collection.create(place, fingerprint) as collection:
        start = 0
        for block in blocks:
            for part in range(0, len(block), COMMITTED):
                rows = block[part : part + COMMITTED]
                collection.commit(_batch(start, space, rows))
                start += len(rows)
    return space


def change() -> dict[str, Any]:
    """Seconds of adding one picture, without the encoder's, and of removing it, several times."""
    pictures = sorted(small(QUERIED, 256).iterdir())[:CHANGES]
    encoder = Timed(load_encoder(EMBEDDED))
    ((space, _),) = encoder.fingerprint.spaces
    times: dict[str, list[float]] = {"add": [], "close": [], "encode": [], "remove": []}
    visible = hidden = 0
    with tempfile.TemporaryDirectory(prefix="vitrail-benchmark-") as scratch:
        place = shutil.copytree(large(), Path(scratch) / "collection")
        for picture in pictures:
            encoder.seconds = 0.0
            started = time.perf_counter()
            collection = Collection.open(place, writable=True)
            index_folders(collection, encoder, [str(picture)])
            added = time.perf_counter()
            collection.close()
            times["close"].append(time.perf_counter() - added)
            times["add"].append(added - started - encoder.seconds)
            times["encode"].append(encoder.seconds)
            with Collection.open(place, writable=True) as collection:
                image = collection.resolve(str(picture))
                query = collection.vectors([image], space)
                visible += image in collection.index(space).search(query, 1).ids
                started = time.perf_counter()
                collection.remove([image])
                found = collection.index(space).search(query, 10).ids
                times["remove"].append(time.perf_counter() - started)
                hidden += image not in found
    return {**times, "visible": visible, "hidden": hidden, "changes": CHANGES, "vectors": LARGE}


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


def _indexed(name: str, folder: Path, checkpoint: str) -> Path:
    def fill(place: Path) -> None:
        encoder = load_encoder(checkpoint)
        with Collection.create(place, encoder.fingerprint) as collection:
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


def _batch(start: int, space: str, rows: NDArray[np.float32]) -> Batch:
    images, files = [], []
    for number, row in enumerate(rows, start):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        images.append(
            ImageRecord(
                content_hash=digest,
                width=64,
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
        # Elsewhere than any real picture, so that no scan takes them for gone.
        files.append(FileRecord(f"/made/up/{number:08}.jpg", 1000, 1, digest))
    return Batch(images, files)


def main() -> None:
    if sys.argv[1:] == ["change"]:
        print(json.dumps(change()))
        return
    made = {"unchanged": unchanged(), "queried": queried()}
    large()
    print(json.dumps({name: [str(path) for path in paths] for name, paths in made.items()}))


if __name__ == "__main__":
    main()
