"""How the time and memory grow in which pairs are met that are worth comparing, without any pixel.

    python -m benchmarks.duplicate_candidates [--images 10000,100000]

Both ways of meeting them: by the nearest of made vectors, 384 wide in clusters of fifty, and by
gists of images that are made of blurred noise, half of them framed and half wide, so that their
halves ask too. Each number of images has a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine, report
from vitrail.indexer.vectors.meetings import HeldVectors
from vitrail.search.duplicates.candidates import alike_by_gist, find_candidates
from vitrail.search.duplicates.gists import SMALL, Packed, PackedGists

_DIM = 384
_CLUSTER = 50
_NOISE = 0.9


def main() -> None:
    """Measure each number by itself, and write ``benchmarks/results``."""
    arguments = _arguments()
    numbers = [int(number) for number in arguments.images.split(",")]
    if arguments.measure:
        print(json.dumps(_MEASURES[arguments.measure](numbers[0])))
        return
    measured = {what: [_apart(what, number) for number in numbers] for what in _MEASURES}
    told = machine.describe(machine.command_line("benchmarks.duplicate_candidates"))
    result = {"measured": measured, "machine": told}
    report.write("duplicate_candidates", result, _page(result))


def _apart(what: str, number: int) -> dict[str, Any]:
    """What a process of its own tells."""
    command = [sys.executable, "-m", "benchmarks.duplicate_candidates", "--measure", what]
    done = subprocess.run(
        [*command, "--images", str(number)], check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _vectors(count: int) -> dict[str, Any]:
    rng = np.random.default_rng(count)
    centres = rng.standard_normal((count // _CLUSTER, _DIM)).astype(np.float32)
    rows = centres[rng.integers(len(centres), size=count)]
    rows += _NOISE * rng.standard_normal((count, _DIM)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    used = time.process_time()
    found = find_candidates(HeldVectors(np.arange(count, dtype=np.int64), rows))
    return _told(count, time.process_time() - used, len(found.first))


def _gists(count: int) -> dict[str, Any]:
    rng = np.random.default_rng(count)
    made = {
        number: PackedGists(
            _packed(rng),
            _packed(rng) if number % 2 else None,
            () if number % 2 else (_packed(rng), _packed(rng)),
        )
        for number in range(count)
    }
    used = time.process_time()
    found = alike_by_gist(made)
    return _told(count, time.process_time() - used, len(found))


def _packed(rng: np.random.Generator) -> Packed:
    """Blurred noise: four by four values, grown to all pixels, and some noise on them."""
    grown: NDArray[np.float64] = rng.standard_normal((4, 4)).repeat(SMALL // 4, 0)
    grown = grown.repeat(SMALL // 4, 1) + 0.5 * rng.standard_normal((SMALL, SMALL))
    packed: Packed = np.clip(30 * (grown - grown.mean()), -127, 127).astype(np.int8).ravel()
    return packed


_MEASURES: dict[str, Callable[[int], dict[str, Any]]] = {"vectors": _vectors, "gists": _gists}


def _told(count: int, seconds: float, pairs: int) -> dict[str, Any]:
    return {
        "images": count,
        "processor_seconds": seconds,
        "pairs": pairs,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _page(result: dict[str, Any]) -> str:
    rows = [
        [
            f"{one['images']:,}",
            what,
            f"{one['processor_seconds']:,.1f} s",
            f"{one['pairs']:,}",
            report.megabytes(one["peak_bytes"]),
        ]
        for what, each in result["measured"].items()
        for one in each
    ]
    times = {
        what: each[-1]["processor_seconds"] / each[0]["processor_seconds"]
        for what, each in result["measured"].items()
    }
    grown = [f"{longer:.1f} times as long by {what}" for what, longer in times.items()]
    columns = ["images", "met by", "processor time", "pairs", "peak memory"]
    return "\n".join(
        [
            report.heading("Pairs worth comparing, of ever more images", result["machine"]),
            report.table(columns, rows),
            f"\nThe most images took {' and '.join(grown)} as the fewest.\n",
        ]
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Pairs worth comparing, of ever more images")
    parser.add_argument("--images", default="10000,100000")
    parser.add_argument("--measure", choices=sorted(_MEASURES), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
