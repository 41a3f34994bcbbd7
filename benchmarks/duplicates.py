"""Planted copies among other images: how many are found, and how many others are taken for some.

    python -m benchmarks.duplicates [--photographs FOLDER] [--images 10000] [--copied 60]

Beside ``vitrail duplicates`` stand imagehash's pHash and dHash (``pip install imagehash``), each at
the distance at which it does best on these very images, all pairs compared. Which images these are
``benchmarks.planted`` tells; ``benchmarks.photographs`` tells how to get 140 photographs, instead
of the examples' 17. A pair is right where both are of the same original; a collage is of two.

Images and their embeddings are kept in the cache: what was interrupted goes on there. How time
grows is measured by ``benchmarks.duplicates_growth``.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import machine, pictures, report
from benchmarks.attacks import ATTACKS
from benchmarks.planted import Pair, Planted, plant
from vitrail import Collection
from vitrail.indexer.images.opening import open_image
from vitrail.service.operations.duplicates import DuplicateOptions, find_duplicates

_MOST_BITS = 16
_BLOCK = 512  # rows of hashes
RIVALS = {"phash": imagehash.phash, "dhash": imagehash.dhash}


def main() -> None:
    """Run it and write ``benchmarks/results/duplicates``."""
    arguments = _arguments()
    folder = pictures.cache_folder() / f"copies-{arguments.copied}"
    planted = plant(folder, arguments.images, arguments.copied, arguments.photographs)
    found, told = _by_vitrail(planted, folder / "embedded")
    files = planted.files
    judged = {"vitrail": judge(planted, found["pairs"])}
    for rival, bits in _hashes(files).items():
        judged[rival] = _best_by_hash(planted, [path.name for path in files], bits)
    result = {
        "images": len(files),
        "copies": len(planted.attacks),
        "judged": judged,
        "tiers": found["tiers"],
        "wrong": found["wrong"],
        "run": told,
        "machine": machine.describe(machine.command_line("benchmarks.duplicates")),
    }
    report.write("duplicates", result, _page(result))


def _by_vitrail(planted: Planted, place: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    with (
        Collection.open(place)
        if place.exists()
        else Collection.create(place, checkpoint="dinov2-small-focus")
    ) as collection:
        for folder in planted.folders:
            collection.index(folder)
        started, used = time.monotonic(), time.process_time()
        found = find_duplicates(collection, DuplicateOptions(where=_these(planted)))
        seconds, used = time.monotonic() - started, time.process_time() - used
    pairs: set[Pair] = set()
    tiers: dict[str, list[bool]] = defaultdict(list)
    wrong = []
    for group in found.groups:
        keeper = Path(group.keeper.paths[0]).name
        for copy in group.copies:
            name = Path(copy.paths[0]).name
            pair = frozenset({keeper, name})
            pairs.add(pair)
            tiers[copy.evidence.tier].append(planted.right(pair))
            if not planted.right(pair):
                ground = planted.same_ground(pair)
                wrong.append([keeper, name, copy.evidence.agreeing, *copy.evidence.says, ground])
    share = {tier: [len(each), sum(each)] for tier, each in tiers.items()}
    told = {
        "seconds": seconds,
        "processor_seconds": used,
        "images": found.images,
        "compared": found.compared,
        "recall": found.recall,
        "space": found.space,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    return {"pairs": pairs, "tiers": share, "wrong": wrong}, told


def _these(planted: Planted) -> str | None:
    """A filter that leaves out what runs of more images have added; ``None`` if none has."""
    other = {path.name for path in planted.folder.glob("composed-*")}
    other -= {path.name for path in planted.folders}
    return " and ".join(f"path not like '%/{name}/%'" for name in sorted(other)) or None


def judge(planted: Planted, pairs: Iterable[Pair]) -> dict[str, Any]:
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


def _hashes(files: list[Path]) -> dict[str, NDArray[np.bool_]]:
    """(n, 64) bits of all images by each rival."""
    rows: dict[str, list[NDArray[np.bool_]]] = {rival: [] for rival in RIVALS}
    for path in files:
        image = _pixels(path)
        for rival, make in RIVALS.items():
            rows[rival].append(make(image).hash.ravel())
    return {rival: np.stack(each) for rival, each in rows.items()}


def _best_by_hash(planted: Planted, names: list[str], bits: NDArray[np.bool_]) -> dict[str, Any]:
    """All pairs whose hashes differ in few bits, at the number of bits that gives the best F1."""
    first, second, distances = _near_hashes(bits)
    best: dict[str, Any] = {}
    for most in range(_MOST_BITS + 1):
        near = distances <= most
        if near.sum() > 50 * len(names):
            break
        pairs = {
            frozenset({names[i], names[j]})
            for i, j in zip(first[near].tolist(), second[near].tolist(), strict=True)
        }
        judged = judge(planted, pairs) | {"most_bits": most}
        if not best or judged["all"]["f1"] > best["all"]["f1"]:
            best = judged
    return best


def _near_hashes(bits: NDArray[np.bool_]) -> tuple[NDArray[np.int64], ...]:
    """Pairs of rows that differ in few bits: the first, the second, and in how many they do."""
    signs = np.where(bits, 1, -1).astype(np.float32)
    parts = []
    for start in range(0, len(signs), _BLOCK):
        distances = (bits.shape[1] - signs[start : start + _BLOCK] @ signs.T) / 2
        rows, columns = np.nonzero(distances <= _MOST_BITS)
        kept = columns > rows + start
        rows, columns = rows[kept], columns[kept]
        parts.append((rows + start, columns, distances[rows, columns].astype(np.int64)))
    first, second, distances = (np.concatenate(each) for each in zip(*parts, strict=True))
    return first, second, distances


def _pixels(path: Path) -> Image.Image:
    return open_image(str(path)).image


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
            f"\nOf the {len(result['wrong'])} wrong pairs, "
            f"{sum(one[-1] for one in result['wrong'])} are composed images on the same enlarged "
            "ground, with other emoji on it: not planted, and counted as wrong.\n\n"
            f"Copies found in {run['processor_seconds']:,.0f} s of processors, of which reading "
            f"and comparing {compared:,} pairs, with at most "
            f"{report.megabytes(run['peak_bytes'])} of memory in all, encoder included.\n",
        ]
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Planted copies among other images")
    parser.add_argument("--photographs", type=Path, help="unpacked package with real ones")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--copied", type=int, default=60)
    return parser.parse_args()


if __name__ == "__main__":
    main()
