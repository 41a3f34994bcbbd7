"""Fine-tuning the embedded encoder on real photographs, beside a frozen one and a head alone.

    python -m benchmarks.encoder_training --photographs FOLDER --work FOLDER [--seeds 3]
    python -m benchmarks.encoder_training --photographs FOLDER --work OTHER --held-out-labels 2

The 140 photographs of ``benchmarks.photographs`` have five kinds. For each seed two fifths of them
are held out, copies on one side; an encoder learns the kinds of the others, and the held-out ones
are looked for before and after: 5-NN accuracy among the others, mean average precision among
themselves, copy recall among all. Frozen is what it was before, in the same split. With
``--held-out-labels`` whole kinds are held out, other ones for each seed, and looked for among
themselves. What is done lies in the work folder, where an interrupted run goes on, and the page is
written anew after each run. ``--most 4 --epochs 1 --seeds 1`` tries in minutes whether all works.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks import machine, photographs, report
from benchmarks.spent import counted_time, spent
from vitrail.indexer.training.options import FinetuningOptions
from vitrail.indexer.training.splits import SplitShares
from vitrail.indexer.wording import counted
from vitrail.service.operations.progress import AnalysisProgress, Event
from vitrail.service.operations.training_encoders import train_encoder
from vitrail.service.operations.training_images import TrainingSource

CHECKPOINT = "dinov2-small-focus"
WAYS: dict[str, FinetuningOptions] = {
    "head only": FinetuningOptions(head_only=True, learning_rate=1e-4, epochs=12, batch=16),
    "last four blocks": FinetuningOptions(
        objective="both", freeze=8, learning_rate=2e-4, epochs=12, batch=32
    ),
    "low rank": FinetuningOptions(
        objective="both", lora=8, freeze=6, learning_rate=1e-3, epochs=12, batch=32
    ),
}
"""What learns, and how; frozen is what each of them began with."""
UNSEEN = "Unseen labels: each image among the others of such kinds. "
_EVERY = 30.0  # seconds between two lines
Runs = dict[str, list[dict[str, Any]]]


def main() -> None:
    """Run it and write ``encoder_training`` below ``benchmarks/results``, or another name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=Path, required=True, help="their unpacked package")
    parser.add_argument("--work", type=Path, required=True, help="what is done lies here")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--held-out-labels", type=int, default=0, help="kinds that nothing learns")
    parser.add_argument("--epochs", type=int, help="fewer, to try it")
    parser.add_argument("--most", type=int, help="photographs of a kind, to try it")
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    arguments = parser.parse_args()
    images = _images(arguments)
    name = "encoder_training_unseen" if arguments.held_out_labels else "encoder_training"
    runs: Runs = {}
    for seed in range(arguments.seeds):
        for way in arguments.ways:
            runs.setdefault(way, []).append(_once(arguments, images, way, seed))
            told = machine.describe(machine.command_line("benchmarks.encoder_training"))
            content = {"machine": told, "runs": runs}
            report.write(name, content, _page(told, runs), arguments.results)


def _images(arguments: argparse.Namespace) -> Path:
    """The photographs, whole or not there at all."""
    images: Path = arguments.work / "photographs"
    if not images.exists():
        begun = arguments.work / "photographs.begun"
        shutil.rmtree(begun, ignore_errors=True)
        photographs.unpack(arguments.photographs, begun)
        for kind in begun.iterdir():
            for path in sorted(kind.iterdir())[arguments.most :] if arguments.most else ():
                path.unlink()
        begun.rename(images)
    return images


def _once(arguments: argparse.Namespace, images: Path, way: str, seed: int) -> dict[str, Any]:
    """One run, or what came of it earlier."""
    name = f"{way.replace(' ', '-')}-{seed}"
    done = arguments.work / f"{name}.json"
    if done.exists():
        found: dict[str, Any] = json.loads(done.read_text("utf-8"))
        return found
    timed = arguments.work / f"{name}-spent.json"
    options = replace(WAYS[way], seed=seed, epochs=arguments.epochs or WAYS[way].epochs)
    with counted_time(timed) as note:
        made = train_encoder(
            TrainingSource((str(images),)),
            str(arguments.work / name),
            options,
            checkpoint=CHECKPOINT,
            shares=SplitShares(validation=0.15, held_out=0.4, labels=arguments.held_out_labels),
            progress=_teller(f"{way}, seed {seed}", note),
        )
    result = {**made.to_dict(), "folder": name, "cpu_seconds": round(spent(timed), 1)}
    done.write_text(json.dumps(result), "utf-8")
    return result


def _teller(name: str, note: Callable[[], None]) -> Callable[[Event], None]:
    last = 0.0

    def tell(event: Event) -> None:
        nonlocal last
        note()
        if isinstance(event, AnalysisProgress) and time.monotonic() - last > _EVERY:
            last = time.monotonic()
            print(f"{name}: {event.doing} {event.done}/{event.total} {event.told}", flush=True)

    return tell


def _page(told: dict[str, Any], runs: Runs) -> str:
    first = next(iter(runs.values()))
    counts = first[0]["images"]
    unseen = (
        f", and {counts['unseen']} of {len(first[0]['unseen'])} kinds that nothing was learned of"
        if counts["unseen"]
        else ""
    )
    columns = ["what learns", "space", *_names(first), "head"]
    parts = [
        report.heading("Fine-tuning the embedded encoder on photographs", told),
        f"{sum(counts.values())} photographs of "
        f"{len(first[0]['classes']) + len(first[0]['unseen'])} kinds, {counts['held_out']} held "
        f"out{unseen}; {counted(len(first), 'seed')}: means and standard deviations.\n",
        report.table(columns, _rows(runs)),
        "\n5-NN accuracy: the vote of the five nearest of the images learned from is right. mAP: "
        "among the held-out images alone. Copy recall: altered thrice, their original found first "
        f"among all. {UNSEEN if counts['unseen'] else ''}Head: how often it is right about "
        "held-out images. Processor time of a run, all images looked at before and after: "
        f"{_times(runs)}.\n",
    ]
    return "\n".join(parts)


def _times(runs: Runs) -> str:
    known = {way: [one["cpu_seconds"] for one in own] for way, own in runs.items()}
    told = {way: [spent for spent in own if spent is not None] for way, own in known.items()}
    found = [f"{way} {_spread(own, 1, ' s')}" for way, own in told.items() if own]
    return ", ".join(found) or "not known of runs that were interrupted"


def _names(runs: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(one["measure"] for one in runs[0]["retrieval"]))


def _rows(runs: Runs) -> list[list[str]]:
    before = next(iter(runs.values()))
    spaces = list(dict.fromkeys(one["space"] for one in before[0]["retrieval"]))
    rows = [["frozen", space, *_measures(before, space, "before"), ""] for space in spaces]
    for way, own in runs.items():
        heads = [one["accuracy"][0] for one in own if one["accuracy"] is not None]
        head = _spread(heads, 100, "%") if heads else ""
        rows += [[way, space, *_measures(own, space, "after"), head] for space in spaces]
    return rows


def _measures(runs: Sequence[dict[str, Any]], space: str, when: str) -> list[str]:
    found: dict[str, list[float]] = {}
    for run in runs:
        for one in run["retrieval"]:
            if one["space"] == space:
                found.setdefault(one["measure"], []).append(one[when][0])
    return [_spread(found[name], 100, "%") for name in _names(runs)]


def _spread(values: Sequence[float], scale: float, unit: str) -> str:
    middle = f"{scale * mean(values):.1f}{unit}"
    return f"{middle} ± {scale * stdev(values):.1f}" if len(values) > 1 else middle


if __name__ == "__main__":
    main()
