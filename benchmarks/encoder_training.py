"""Fine-tuning the embedded encoder on real photographs, beside a frozen one and a head alone.

    python -m benchmarks.encoder_training --photographs FOLDER --work FOLDER [--seeds 3]

The 140 photographs of ``benchmarks.photographs`` have five kinds. For each seed two fifths of them
are held out, copies on one side; an encoder learns the kinds of the others, and the held-out ones
are looked for before and after: 5-NN accuracy among the others, mean average precision among
themselves, copy recall among all. Frozen is what it was before, in the same split. What is done
lies in the work folder, where an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks import machine, photographs, report
from vitrail.indexer.training.options import FinetuningOptions
from vitrail.indexer.training.splits import SplitShares
from vitrail.service.operations.progress import AnalysisProgress, Event
from vitrail.service.operations.training_encoders import train_encoder
from vitrail.service.operations.training_images import TrainingSource

CHECKPOINT = "dinov2-small-focus"
SHARES = SplitShares(validation=0.15, held_out=0.4)
WAYS: dict[str, Callable[[int], FinetuningOptions]] = {
    "head only": lambda seed: FinetuningOptions(
        head_only=True, learning_rate=1e-4, epochs=12, batch=16, seed=seed
    ),
    "last four blocks": lambda seed: FinetuningOptions(
        objective="both", freeze=8, learning_rate=2e-4, epochs=12, batch=32, seed=seed
    ),
    "low rank": lambda seed: FinetuningOptions(
        objective="both", lora=8, freeze=6, learning_rate=1e-3, epochs=12, batch=32, seed=seed
    ),
}
"""What learns, and how; frozen is what each of them began with."""
_EVERY = 30.0  # seconds between two lines


def main() -> None:
    """Run it and write ``benchmarks/results/encoder_training``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=Path, required=True, help="their unpacked package")
    parser.add_argument("--work", type=Path, required=True, help="what is done lies here")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    arguments = parser.parse_args()
    images = arguments.work / "photographs"
    if not images.exists():
        photographs.unpack(arguments.photographs, images)
    runs = {
        way: [_once(arguments.work, images, way, seed) for seed in range(arguments.seeds)]
        for way in arguments.ways
    }
    told = machine.describe(machine.command_line("benchmarks.encoder_training"))
    report.write("encoder_training", {"machine": told, "runs": runs}, _page(told, runs))


def _once(work: Path, images: Path, way: str, seed: int) -> dict[str, Any]:
    """One run, or what came of it earlier."""
    done = work / f"{way.replace(' ', '-')}-{seed}.json"
    if done.exists():
        found: dict[str, Any] = json.loads(done.read_text("utf-8"))
        return found
    started = time.process_time()
    made = train_encoder(
        TrainingSource((str(images),)),
        str(work / f"{way.replace(' ', '-')}-{seed}"),
        WAYS[way](seed),
        checkpoint=CHECKPOINT,
        shares=SHARES,
        progress=_teller(f"{way}, seed {seed}"),
    )
    result = {**made.to_dict(), "cpu_seconds": round(time.process_time() - started, 1)}
    done.write_text(json.dumps(result), "utf-8")
    return result


def _teller(name: str) -> Callable[[Event], None]:
    last = 0.0

    def tell(event: Event) -> None:
        nonlocal last
        if isinstance(event, AnalysisProgress) and time.monotonic() - last > _EVERY:
            last = time.monotonic()
            print(f"{name}: {event.doing} {event.done}/{event.total} {event.told}", flush=True)

    return tell


def _page(told: dict[str, Any], runs: dict[str, list[dict[str, Any]]]) -> str:
    seeds = len(next(iter(runs.values())))
    first = next(iter(runs.values()))[0]
    parts = [
        report.heading("Fine-tuning the embedded encoder on photographs", told),
        f"{sum(first['images'].values())} photographs of {len(first['classes'])} kinds, "
        f"{first['images']['held_out']} held out; {seeds} seeds: means and standard deviations.\n",
        report.table(["what learns", "space", "5-NN", "mAP", "copies", "head"], _rows(runs)),
        "\n5-NN: the vote of the five nearest of the other images is right. mAP: among the "
        "held-out images alone. Copies: altered thrice, their original found first among all. "
        f"Processor time of a run, all images looked at before and after: {_times(runs)}.\n",
    ]
    return "\n".join(parts)


def _times(runs: dict[str, list[dict[str, Any]]]) -> str:
    return ", ".join(
        f"{way} {_spread([one['cpu_seconds'] for one in own], 1, ' s')}"
        for way, own in runs.items()
    )


def _rows(runs: dict[str, list[dict[str, Any]]]) -> list[list[str]]:
    spaces = list(dict.fromkeys(one["space"] for one in next(iter(runs.values()))[0]["retrieval"]))
    before = next(iter(runs.values()))
    rows = [["frozen", space, *_measures(before, space, "before"), ""] for space in spaces]
    for way, own in runs.items():
        heads = _spread([one["accuracy"][0] for one in own], 100, "%")
        rows += [[way, space, *_measures(own, space, "after"), heads] for space in spaces]
    return rows


def _measures(runs: Sequence[dict[str, Any]], space: str, when: str) -> list[str]:
    found: dict[str, list[float]] = {}
    for run in runs:
        for one in run["retrieval"]:
            if one["space"] == space:
                found.setdefault(one["measure"], []).append(one[when][0])
    return [_spread(values, 100, "%") for values in found.values()]


def _spread(values: Sequence[float], scale: float, unit: str) -> str:
    middle = f"{scale * mean(values):.1f}{unit}"
    return f"{middle} ± {scale * stdev(values):.1f}" if len(values) > 1 else middle


if __name__ == "__main__":
    main()
