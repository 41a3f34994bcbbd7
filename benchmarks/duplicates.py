"""Planted copies among other images: how many are found, and how many others are taken for some.

    python -m benchmarks.duplicates [--photographs FOLDER] [--images 2000] [--copied 60]

Beside ``vitrail duplicates`` stand imagehash's pHash and dHash (``pip install imagehash``), each at
the distance at which it does best on these very images, all pairs compared. Images are the
examples' emoji and photographs, or with ``--photographs`` 140 of these (``benchmarks.photographs``
tells how to get them), and, to make up the number, images composed of enlarged emoji, which so
share parts. Copied are emoji and photographs alone. A pair is right where both are of the same
original; a collage is of two.

How time grows is measured on stored vectors, made in clusters, from 10,000 to 100,000.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import machine, photographs, pictures, report
from benchmarks.attacks import ATTACKS
from vitrail import Collection
from vitrail.indexer.images.opening import open_image
from vitrail.search.duplicates.candidates import find_candidates
from vitrail.service.operations.duplicates import DuplicateOptions, find_duplicates

EXAMPLES = Path(__file__).parent.parent / "examples"
_SIDE = 256  # of composed images
_GROWN = (10_000, 100_000)
_DIM = 384
Pair = frozenset[str]


@dataclass(slots=True)
class Planted:
    """A folder of images, and what is known of them.

    Attributes:
        folder: of the files.
        originals: name of each file -> the originals that it shows.
        attacks: name of each planted copy -> what was done.
    """

    folder: Path
    originals: dict[str, frozenset[str]] = field(default_factory=dict)
    attacks: dict[str, str] = field(default_factory=dict)

    def right(self, pair: Pair) -> bool:
        """Whether two files show the same original."""
        one, other = pair
        return bool(self.originals[one] & self.originals[other])


def main() -> None:
    """Run it and write ``benchmarks/results/duplicates``."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as name:
        planted = plant(Path(name) / "images", arguments)
        found, told = _by_vitrail(planted, Path(name) / "collection")
        judged = {"vitrail": _judge(planted, found["pairs"])}
        for rival in ("phash", "dhash"):
            judged[rival] = _best_by_hash(planted, rival)
    result = {
        "images": len(planted.originals),
        "copies": len(planted.attacks),
        "judged": judged,
        "tiers": found["tiers"],
        "run": told,
        "growth": [_grown(count) for count in _GROWN],
        "machine": machine.describe(machine.command_line("benchmarks.duplicates")),
    }
    report.write("duplicates", result, _page(result))


def plant(folder: Path, arguments: argparse.Namespace) -> Planted:
    """Write all images, and the copies of some."""
    folder.mkdir(parents=True)
    planted = Planted(folder)
    rng = np.random.default_rng(11)
    if arguments.photographs is None:
        sources = sorted(EXAMPLES.glob("photographs/*"))
    else:  # of which the examples have some
        sources = sorted(photographs.unpack(arguments.photographs, folder.parent / "p"))
    sources += sorted(p for p in EXAMPLES.glob("*/*.webp") if p.parent.name != "photographs")
    composed = sorted(pictures.small(max(arguments.images - len(sources), 1), _SIDE).iterdir())
    sources += composed[: max(0, arguments.images - len(sources))]
    for number, path in enumerate(sources):
        name = f"{number:05}{path.suffix}"
        shutil.copyfile(path, folder / name)
        planted.originals[name] = frozenset({name})
    own = [name for name, path in zip(planted.originals, sources, strict=True)]
    real = own[: len(sources) - len(composed)] if len(composed) < len(sources) else own
    for number, (attack, change) in enumerate(ATTACKS.items()):
        chosen = rng.choice(real, min(arguments.copied, len(real)), replace=False).tolist()
        for original in chosen:
            other = str(rng.choice(own))
            made = change(_pixels(folder / original), _pixels(folder / other), rng)
            name = f"copy-{number:02}-{original.partition('.')[0]}.png"
            made.save(folder / name)
            shown = {original, other} if attack == "collage of two" else {original}
            planted.originals[name] = frozenset(shown)
            planted.attacks[name] = attack
    return planted


def _by_vitrail(planted: Planted, place: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    with Collection.create(place, checkpoint="dinov2-small-focus") as collection:
        started = time.monotonic()
        collection.index(planted.folder)
        indexed = time.monotonic() - started
        started, used = time.monotonic(), time.process_time()
        found = find_duplicates(collection, DuplicateOptions())
        seconds, used = time.monotonic() - started, time.process_time() - used
    pairs: set[Pair] = set()
    tiers: dict[str, list[bool]] = defaultdict(list)
    for group in found.groups:
        keeper = Path(group.keeper.paths[0]).name
        for copy in group.copies:
            pair = frozenset({keeper, Path(copy.paths[0]).name})
            pairs.add(pair)
            tiers[copy.evidence.tier].append(planted.right(pair))
    share = {tier: [len(each), sum(each)] for tier, each in tiers.items()}
    told = {
        "indexed_seconds": indexed,
        "seconds": seconds,
        "processor_seconds": used,
        "compared": found.compared,
        "recall": found.recall,
        "space": found.space,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    return {"pairs": pairs, "tiers": share}, told


def _judge(planted: Planted, pairs: Iterable[Pair]) -> dict[str, Any]:
    """Precision and recall over all, and of each attack.

    A copy is found where it is paired with an image of the same original; a false pair counts
    against the attack of each of its two that is a copy.
    """
    pairs = set(pairs)
    right = {pair for pair in pairs if planted.right(pair)}
    found = {name for pair in right for name in pair if name in planted.attacks}
    false: dict[str, int] = defaultdict(int)
    for pair in pairs - right:
        for attack in {planted.attacks[name] for name in pair if name in planted.attacks}:
            false[attack] += 1
    attacks = {}
    for attack in ATTACKS:
        names = [name for name, done in planted.attacks.items() if done == attack]
        hits = sum(name in found for name in names)
        attacks[attack] = _rates(hits, false[attack], len(names))
    whole = _rates(len(found), len(pairs - right), len(planted.attacks))
    return {"all": whole, "attacks": attacks}


def _rates(hits: int, false: int, there: int) -> dict[str, float]:
    precision = hits / (hits + false) if hits + false else 1.0
    recall = hits / there if there else 0.0
    both = precision + recall
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / both if both else 0.0,
    }


def _best_by_hash(planted: Planted, kind: str) -> dict[str, Any]:
    """All pairs whose hashes differ in few bits, at the number of bits that gives the best F1."""
    names = list(planted.originals)
    make = {"phash": imagehash.phash, "dhash": imagehash.dhash}[kind]
    bits = np.stack([make(_pixels(planted.folder / n)).hash.ravel() for n in names])
    signs = np.where(bits, 1, -1).astype(np.float32)
    distances = ((bits.shape[1] - signs @ signs.T) / 2).astype(np.int16)
    best: dict[str, Any] = {}
    for most in range(0, 17, 1):
        first, second = np.nonzero(np.triu(distances <= most, 1))
        if len(first) > 50 * len(names):
            break
        pairs = {frozenset({names[i], names[j]}) for i, j in zip(first, second, strict=True)}
        judged = _judge(planted, pairs) | {"most_bits": most}
        if not best or judged["all"]["f1"] > best["all"]["f1"]:
            best = judged
    return best


def _pixels(path: Path) -> Image.Image:
    return open_image(str(path)).image


@dataclass(frozen=True, slots=True)
class _Stored:
    """Made vectors, as an index has them."""

    rows: NDArray[np.float32]

    @property
    def dim(self) -> int:
        return int(self.rows.shape[1])

    def ids(self) -> NDArray[np.int64]:
        return np.arange(len(self.rows), dtype=np.int64)

    def vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        return self.rows[ids]


def _grown(count: int) -> dict[str, Any]:
    """How long near pairs of so many vectors take to be found."""
    rng = np.random.default_rng(count)
    centres = rng.standard_normal((count // 50, _DIM)).astype(np.float32)
    rows = centres[rng.integers(len(centres), size=count)]
    rows = rows + 0.9 * rng.standard_normal((count, _DIM)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    started, used = time.monotonic(), time.process_time()
    found = find_candidates(_Stored(rows))
    return {
        "vectors": count,
        "seconds": time.monotonic() - started,
        "processor_seconds": time.process_time() - used,
        "pairs": len(found.first),
        "recall": found.recall,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _page(result: Mapping[str, Any]) -> str:
    judged, run = result["judged"], result["run"]
    told = {"vitrail": "vitrail"} | {
        rival: f"{rival}, {judged[rival]['most_bits']} bits" for rival in ("phash", "dhash")
    }
    rows = []
    for attack in (*ATTACKS, "all"):
        row = [attack]
        for rival in told:
            one = judged[rival]["all"] if attack == "all" else judged[rival]["attacks"][attack]
            row.append(f"{one['precision']:.0%} / {one['recall']:.0%} / {one['f1']:.2f}")
        rows.append(row)
    tiers = [
        [tier, f"{count:,}", f"{right / count:.1%}"]
        for tier, (count, right) in result["tiers"].items()
    ]
    grown = [
        [
            f"{one['vectors']:,}",
            f"{one['processor_seconds']:,.1f} s",
            f"{one['pairs']:,}",
            f"{one['recall']:.1%}",
            report.megabytes(one["peak_bytes"]),
        ]
        for one in result["growth"]
    ]
    first, last = (one["processor_seconds"] for one in result["growth"])
    compared = max(1, run["compared"])
    return "\n".join(
        [
            report.heading("Copies among other images", result["machine"]),
            f"{result['images']:,} images, of which {result['copies']:,} are planted copies. "
            "Precision / recall / F1; hashes at the distance that is best for these very "
            "images.\n",
            report.table(["attack", *told.values()], rows),
            "\nVitrail's groups by tier of evidence:\n",
            report.table(["tier", "pairs", "right"], tiers),
            f"\nIndexed in {run['indexed_seconds']:,.0f} s; copies found in {run['seconds']:,.0f} "
            f"s ({run['processor_seconds']:,.0f} s of processors), of which reading and comparing "
            f"{compared:,} pairs, with at most {report.megabytes(run['peak_bytes'])} of memory in "
            "all, encoder included.\n",
            "Near pairs of made vectors, before any pixel is read (processor time):\n",
            report.table(["vectors", "time", "pairs", "recall", "peak memory"], grown),
            f"\nTen times as many vectors took {last / first:.1f} times as long; pixels are read "
            "and compared for six pairs an image at most, whatever the number.\n",
        ]
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Planted copies among other images")
    parser.add_argument("--photographs", type=Path, help="unpacked package with real ones")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--copied", type=int, default=60)
    return parser.parse_args()


if __name__ == "__main__":
    main()
