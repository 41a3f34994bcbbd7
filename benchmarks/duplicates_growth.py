"""How the time and the memory of ``vitrail duplicates`` grow with the number of images.

    python -m benchmarks.duplicates_growth [--photographs FOLDER] [--images 10000,100000]

Files on disk, a real collection, and all of ``duplicates``, each number of images in a process of
its own; ``benchmarks.planted`` tells which images. To embed so many by a ViT takes hours, and costs
the same an image whatever their number; an encoder of pixels stands in for it here: 24 x 24 greys,
their mean taken off, projected onto 128 directions at random. Its vectors tell much less than a
ViT's, so that what is told here of copies found is no figure of Vitrail's quality, but shows that
copies are found all the same.

Each number is kept in the cache once it is measured; what was interrupted goes on there.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import machine, pictures, report
from benchmarks.duplicates import judge
from benchmarks.planted import Planted, plant
from vitrail import Collection
from vitrail.indexer.encoders.base import Encoded, PatchTokens
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.images.preprocess import Preprocess
from vitrail.indexer.spaces import EmbeddingSpace
from vitrail.service.operations.duplicates import find_duplicates

_SIDE = 24
_DIM = 128
_PATCH = 6
_COPIED = 60


class PixelEncoder:
    """Embeds an image as its greys, less their mean, projected at random, of length 1."""

    def __init__(self) -> None:
        self.spaces: tuple[EmbeddingSpace, ...] = (
            EmbeddingSpace(layer=1, pooling="mean", dim=_DIM),
        )
        self.preprocess = Preprocess(
            shortest_edge=None,
            size=(_SIDE, _SIDE),
            resample=int(Image.Resampling.BILINEAR),
            crop=None,
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
        )
        self.image_size = _SIDE
        self.labels: tuple[str, ...] | None = None
        self.runtime = "numpy"
        rng = np.random.default_rng(0)
        self._directions = rng.standard_normal((_SIDE * _SIDE, _DIM)).astype(np.float32)

    @property
    def fingerprint(self) -> Fingerprint:
        """Identity of the vectors it makes."""
        return Fingerprint(
            "greys-24", "greys-24", self.preprocess.to_dict(), ((self.spaces[0].name, _DIM),)
        )

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        """Embed a batch."""
        greys = pixels.mean(axis=3, dtype=np.float32).reshape(len(pixels), -1)
        rows = (greys - greys.mean(axis=1, keepdims=True)) @ self._directions
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
        return Encoded({self.spaces[0].name: rows}, None)

    def patch_tokens(self, pixels: NDArray[np.uint8], layers: Sequence[int]) -> PatchTokens:
        """The greys of each patch, the same in every layer."""
        count = _SIDE // _PATCH
        greys = pixels.mean(axis=3, dtype=np.float32)
        cut = greys.reshape(-1, count, _PATCH, count, _PATCH).swapaxes(2, 3)
        tokens = cut.reshape(-1, count, count, _PATCH * _PATCH)
        return PatchTokens(dict.fromkeys(layers, tokens), _PATCH)


def main() -> None:
    """Measure each number that is not known yet; write ``benchmarks/results``."""
    arguments = _arguments()
    numbers = [int(number) for number in arguments.images.split(",")]
    folder = pictures.cache_folder() / f"copies-{_COPIED}"
    if arguments.measure:
        planted = plant(folder, numbers[0], _COPIED, arguments.photographs)
        place = folder / f"greys-{numbers[0]}"
        (folder / f"{place.name}.json").write_text(json.dumps(_measured(planted, place)))
        return
    measured = []
    for number in numbers:
        kept = folder / f"greys-{number}.json"
        if not kept.exists():
            command = [sys.executable, "-m", "benchmarks.duplicates_growth", "--measure"]
            command += ["--images", str(number)]
            if arguments.photographs is not None:
                command += ["--photographs", str(arguments.photographs)]
            subprocess.run(command, check=True)
        measured.append(json.loads(kept.read_text()))
    command_line = machine.command_line("benchmarks.duplicates_growth")
    result = {"measured": measured, "machine": machine.describe(command_line)}
    report.write("duplicates_growth", result, _page(result))


def _measured(planted: Planted, place: Path) -> dict[str, Any]:
    encoder = PixelEncoder()
    opened = (
        Collection.open(place, encoder=encoder)
        if place.exists()
        else Collection.create(place, encoder=encoder)
    )
    with opened as collection:
        for folder in planted.folders:
            collection.index(folder)
    with Collection.open(place, encoder=encoder) as collection:
        used = time.process_time()
        found = find_duplicates(collection)
        used = time.process_time() - used
    pairs = {
        frozenset({Path(group.keeper.paths[0]).name, Path(copy.paths[0]).name})
        for group in found.groups
        for copy in group.copies
    }
    return {
        "images": found.images,
        "processor_seconds": used,
        "compared": found.compared,
        "neighbour_recall": found.recall,
        "judged": judge(planted, pairs)["all"],
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _page(result: dict[str, Any]) -> str:
    measured = result["measured"]
    rows = [
        [
            f"{one['images']:,}",
            f"{one['processor_seconds']:,.0f} s",
            f"{1000 * one['processor_seconds'] / one['images']:.0f} ms",
            f"{one['compared']:,}",
            report.megabytes(one["peak_bytes"]),
            f"{one['judged']['precision']:.0%} / {one['judged']['recall']:.0%}",
        ]
        for one in measured
    ]
    columns = ["images", "time", "an image", "pairs compared", "peak memory", "right / found"]
    first, last = measured[0], measured[-1]
    more = last["images"] / first["images"]
    longer = last["processor_seconds"] / first["processor_seconds"]
    return "\n".join(
        [
            report.heading("Copies among ever more images", result["machine"]),
            "All of `vitrail duplicates` over files on disk, by processor time. Vectors are of "
            "24 x 24 greys, projected at random, which stand in for a ViT's: what is found of the "
            "600 planted copies shows that it works, and not how well it does with a ViT. What is "
            "not right are composed images that share most of their parts, of which there are as "
            "many more as there are images.\n",
            report.table(columns, rows),
            f"\n{more:.1f} times as many images took {longer:.1f} times as long.\n",
        ]
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Copies among ever more images")
    parser.add_argument("--photographs", type=Path, help="unpacked package with real ones")
    parser.add_argument("--images", default="10000,100000")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
