"""Images a second and peak memory, from files to committed rows, beside what users write today.

    python -m benchmarks.indexing --images 32 --repeats 3 [--run 500]

Every contender lives in a process of its own and has loaded and warmed up before anything is timed;
then they take turns, so that what else the machine does falls on all of them alike. Medians.
Cosines are to transformers' float32 (the batched torch loop), picture by picture, in the space
``cls`` of the last layer, which every contender computes. ``--run`` is for Vitrail alone: once more
over so many pictures, beside what reading them and the encoder take by themselves.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import machine, report
from benchmarks.checkpoints import VIT_BASE, checkpoint_folder, flops
from benchmarks.contenders import BATCH
from benchmarks.pictures import PHOTO, moved_photos, photos
from vitrail.indexer.encoders import EMBEDDED
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint

REFERENCE = "torch-fp32"
BASELINE = "pipeline"
OURS = "vitrail"
NO_BF16 = "not run: this processor has no bf16"
TITLES = {
    OURS: "Vitrail (OpenVINO where it serves)",
    "pipeline": "(a) transformers pipeline, one by one",
    "torch-fp32": "(b) torch fp32, batched",
    "torch-bf16-compiled": "(c) torch bf16 compiled, batched",
    "torch-fp32-compiled": "(d) torch fp32 compiled, batched",
}


class Worker:
    """A process that answers words on its standard input with JSON."""

    def __init__(self, module: str, *words: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", module, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if not os.environ.get("VITRAIL_DEBUG") else None,
            text=True,
        )
        started = time.perf_counter()
        self.first = self._read()
        self.first["start_seconds"] = time.perf_counter() - started

    def ask(self, word: str) -> dict[str, Any]:
        """Send a word and wait for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End the process and wait for it."""
        self._process.communicate()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, error = self._process.communicate()
            raise SystemExit(f"a contender ended early: {(error or '').strip()[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass(slots=True)
class Times:
    """What was measured of one contender: rates in pictures a second, processor seconds for one."""

    files: list[float] = field(default_factory=list)
    model: list[float] = field(default_factory=list)
    pixels: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    peak: int = 0
    cosine_mean: float = 0.0
    cosine_least: float = 0.0
    first: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """One model: its contenders' workers and times, and the limit measured between them."""

    model: str
    space: str
    work: float
    workers: dict[str, Worker]
    times: dict[str, Times]
    limits: list[float] = field(default_factory=list)
    between: float = 0.0
    longer: dict[str, float] = field(default_factory=dict)


def prepare(model: str, names: list[str], folder: Path) -> Run:
    """Start the contenders, each loaded and warm before the next one starts."""
    checkpoint = find_encoder_checkpoint(str(checkpoint_folder(model)))
    depth = checkpoint.depth
    workers = {}
    for name in names:
        print(f"{model}: starting {name}", flush=True)
        words = (name, model, str(folder), f"cls@{depth}")
        workers[name] = Worker("benchmarks.contenders", *words)
    run = Run(
        model=model,
        space=f"cls@{depth}",
        work=flops(checkpoint.config, side=checkpoint.image_size, blocks=depth),
        workers=workers,
        times={name: Times(first=worker.first) for name, worker in workers.items()},
    )
    return run


def compare(run: Run) -> None:
    """Take every contender's vectors and peak memory so far."""
    with tempfile.TemporaryDirectory(prefix="vitrail-benchmark-") as place:
        vectors = {}
        for name, worker in run.workers.items():
            path = os.path.join(place, f"{name}.npy")
            worker.ask(f"vectors {path}")
            vectors[name] = np.load(path)
    reference = vectors[REFERENCE]
    for name, rows in vectors.items():
        cosines = (rows * reference).sum(axis=1)
        run.times[name].peak = run.workers[name].ask("peak")["bytes"]
        run.times[name].cosine_mean = float(cosines.mean())
        run.times[name].cosine_least = float(cosines.min())
    others = ~np.eye(len(reference), dtype=bool)
    run.between = float((reference @ reference.T)[others].mean())


def take_turn(run: Run, limit: Worker, turn: int) -> None:
    """Time every contender once; the order turns too."""
    names = list(run.workers)
    run.limits.append(limit.ask("limit")["rate"])
    for name in names[turn % len(names) :] + names[: turn % len(names)]:
        worker, times = run.workers[name], run.times[name]
        answer = worker.ask("files")
        times.files.append(_rate(answer))
        times.processor.append(answer["processor_seconds"] / answer["pictures"])
        if name != BASELINE:
            times.model.append(_rate(worker.ask("model")))
        if name == OURS:
            times.pixels.append(_rate(worker.ask("pixels")))


def go_longer(run: Run, folder: Path) -> None:
    """Let Vitrail index a folder of many pictures, what its parts take measured right before."""
    worker, times = run.workers[OURS], run.times[OURS]
    for _ in range(3):
        times.model.append(_rate(worker.ask("model")))
        times.pixels.append(_rate(worker.ask("pixels")))
    model, pixels = median(times.model[-3:]), median(times.pixels[-3:])
    answer = worker.ask(f"folder {folder.resolve()}")
    run.longer = {
        "pictures": answer["pictures"],
        "images_per_second": _rate(answer),
        "processor_seconds_per_image": answer["processor_seconds"] / answer["pictures"],
        "encoder_alone_per_second": model,
        "reading_alone_per_second": pixels,
    }


def _rate(answer: dict[str, Any]) -> float:
    return float(answer["pictures"] / answer["seconds"])


def to_json(run: Run) -> dict[str, Any]:
    """Everything measured, with medians, ratios and shares."""
    limit = median(run.limits)
    ours = run.times[OURS].files
    rows = {}
    for name, times in run.times.items():
        rate = median(times.files)
        alone = median(times.model) if times.model else None
        rows[name] = {
            "images_per_second": rate,
            # turn by turn, since the machine may be busier in one turn than in another
            "vitrail_is_faster_by": median(a / b for a, b in zip(ours, times.files, strict=True)),
            "all_rates": times.files,
            "processor_seconds_per_image": median(times.processor),
            "encoder_alone_per_second": alone,
            "share_of_limit": _share(run, times),
            "peak_bytes": times.peak,
            "cosine_mean": times.cosine_mean,
            "cosine_least": times.cosine_least,
            **times.first,
        }
    return {
        "model": run.model,
        "space": run.space,
        "gflop_per_image": run.work / 1e9,
        "limit_gflops": limit / 1e9,
        "all_limits_gflops": [rate / 1e9 for rate in run.limits],
        "cosine_between_pictures": run.between,
        "reading_alone_per_second": median(run.times[OURS].pixels),
        "longer_run": run.longer,
        "contenders": rows,
    }


def _share(run: Run, times: Times) -> float | None:
    """The encoder alone as a share of the matrix-multiply limit of the same turn, median."""
    pairs = zip(times.model, run.limits, strict=False)  # a longer run comes after all turns
    return median(rate * run.work / limit for rate, limit in pairs) if times.model else None


def markdown(content: dict[str, Any]) -> str:
    """The page for people."""
    parts = [report.heading("Indexing", content["machine"]), content["method"] + "\n"]
    columns = [
        "",
        "images/s",
        "Vitrail is",
        "CPU s/image",
        "encoder alone/s",
        "share of limit",
        "peak memory",
    ]
    columns += ["cosine mean", "least", "load s"]
    for model in content["models"]:
        parts.append(
            f"## {model['model']}, {model['space']}\n\n{model['gflop_per_image']:.1f} GFLOP an "
            f"image; matrix-multiply limit {model['limit_gflops']:.0f} GFLOP/s in "
            f"{content['precision']}, so at most "
            f"{model['limit_gflops'] / model['gflop_per_image']:.1f} images/s. Different "
            f"pictures have a mean cosine of {model['cosine_between_pictures']:.3f}.\n"
        )
        rows = [_row(name, row) for name, row in model["contenders"].items()]
        if "torch-bf16-compiled" not in model["contenders"]:
            rows.append([TITLES["torch-bf16-compiled"], NO_BF16, *[""] * 8])
        parts.append(report.table(columns, rows) + "\n")
        if model.get("longer_run"):
            parts.append(_longer(model["longer_run"]) + "\n")
    return "\n".join(parts)


def _longer(run: dict[str, float]) -> str:
    rate, alone = run["images_per_second"], run["encoder_alone_per_second"]
    reading = run["reading_alone_per_second"]
    both = 1 / (1 / alone + 1 / reading)
    return (
        f"Over {run['pictures']:.0f} pictures Vitrail does {rate:.2f} images/s: {rate / alone:.0%} "
        f"of its encoder alone ({alone:.2f}), and {rate / both:.0%} of what the same processors do "
        f"that read each picture ({reading:.2f} images/s by itself: decoding, resizing) and then "
        f"embed it. {run['processor_seconds_per_image'] * 1000:.1f} ms of the processor's time an "
        "image."
    )


def _row(name: str, row: dict[str, Any]) -> list[str]:
    alone, share = row["encoder_alone_per_second"], row["share_of_limit"]
    return [
        TITLES[name],
        f"{row['images_per_second']:.2f}",
        f"{row['vitrail_is_faster_by']:.2f} x",
        f"{row['processor_seconds_per_image']:.2f}",
        f"{alone:.2f}" if alone else "",
        f"{share:.0%}" if share else "",
        report.megabytes(row["peak_bytes"]),
        f"{row['cosine_mean']:.6f}",
        f"{row['cosine_least']:.6f}",
        f"{row['load_seconds']:.1f}",
    ]


def contender_names() -> list[str]:
    """Those that make sense here; bf16 only where the processor has it."""
    last = "torch-bf16-compiled" if machine.has_bf16() else "torch-fp32-compiled"
    return ["vitrail", BASELINE, REFERENCE, last]


def main() -> None:
    parser = argparse.ArgumentParser(description="indexing benchmark; see the module's text")
    parser.add_argument(
        "--images", type=int, default=64, help="pictures; the rivals take at most 32 at a time"
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--run", type=int, default=0, help="pictures of a longer run of Vitrail's")
    parser.add_argument("--note", default="", help="what else the machine did, for the page")
    known = [VIT_BASE, EMBEDDED]
    parser.add_argument("--models", nargs="+", choices=known, default=known)
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    options = parser.parse_args()
    folder = photos(options.images)
    size = sum(path.stat().st_size for path in folder.iterdir()) / options.images / 1e6
    limit = Worker("benchmarks.products")
    loads: list[float] = []
    content: dict[str, Any] = {
        "machine": machine.describe(machine.command_line("benchmarks.indexing")),
        "load_averages": loads,
        "precision": limit.first["precision"],
        "method": (
            f"{options.images} JPEGs of {PHOTO[0]}x{PHOTO[1]} pixels ({size:.1f} MB each), "
            f"composed from the examples; {options.repeats} interleaved repeats, medians (ratios "
            "turn by turn); every contender in its own warm process, imports and loading not "
            "counted. Vitrail's time runs until the collection is committed and closed; the others "
            "keep their vectors in memory, in batches of "
            f"{min(BATCH, options.images)}. Random weights for ViT-B/16, which cost the same."
            f"{' ' if options.note else ''}{options.note}"
        ),
        "models": [],
    }
    for model in options.models:
        run = prepare(model, contender_names(), folder)
        for turn in range(options.repeats):
            loads.append(os.getloadavg()[0])
            take_turn(run, limit, turn)
            print(
                f"{model}: turn {turn + 1} of {options.repeats}, load {loads[-1]:.1f}", flush=True
            )
            compare(run)
            if options.run and turn == options.repeats - 1:
                go_longer(run, moved_photos(options.run, options.images))
            models = [*content["models"], to_json(run)]
            part = {**content, "models": models}
            report.write("indexing", part, markdown(part), options.results)
        content["models"] = models
        for worker in run.workers.values():
            worker.close()
    limit.close()


if __name__ == "__main__":
    main()
