"""Exports of the embedded encoder in every precision: how near, how fast, how small.

    python -m benchmarks.exports --images examples --sample 300

Each is exported as `vitrail export-encoder --force` does, and held against its source on the
images; then each runs in a process of its own, beside the source as OpenVINO runs it here and
beside a plain loop of transformers in fp32. Rates are images a second of the processor's time,
which a busy machine tells as well. Sizes are beside that of the target's own fp32 export, where it
was measured: the checkpoint's file also holds blocks that no space is taken from. The page is
written anew after each export; where that was interrupted, the same command goes on with those
that are missing. ``--only "openvino fp32" --sample 24`` tries whether all works.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import machine, report
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
from vitrail.indexer.encoders.settings import EMBEDDED
from vitrail.indexer.encoders.torch_encoder import load_model
from vitrail.indexer.export.certificate import RunningCosts
from vitrail.indexer.export.plan import ExportPlan
from vitrail.indexer.export.trial import BATCH, SECONDS, try_out
from vitrail.indexer.images.preprocess import normalise
from vitrail.service.operations.export_sources import ExportOptions, source_of_folder
from vitrail.service.operations.exporting import export_encoder

VARIANTS = (
    *((target, bits) for target in ("openvino", "onnx") for bits in ("fp32", "fp16", "bf16")),
    ("openvino", "int8"),
    ("openvino", "int8 weights"),
    ("openvino", "int4"),
    ("onnx", "int8"),
    ("onnx", "int4"),
)


Told = dict[str, Any]
"""An export as it is kept: its certificate, with its name, how it runs, and how long it took."""


def exported(target: str, bits: str, images: str, options: ExportOptions) -> Told:
    """Export, measure, run."""
    precision, _, weights = bits.partition(" ")
    plan = ExportPlan(target, precision, weights_only=bool(weights))
    with tempfile.TemporaryDirectory(prefix="vitrail-exports-") as scratch:
        folder = Path(scratch) / "export"
        started = time.perf_counter()
        source = source_of_folder(EMBEDDED, (), images, options)
        made = export_encoder(source, plan, folder, options)
        seconds = time.perf_counter() - started
        assert made.certificate is not None
        names = [name for name, _ in made.certificate.source.spaces]
        runs = try_out(str(folder), names, made.size)
    told: Told = json.loads(made.certificate.to_json())
    measured = None if runs is None else asdict(runs)
    return {"name": f"{target} {bits}", "seconds": seconds, **told, "measured": measured}


def plain_loop() -> tuple[float, float]:
    """Images a second, and a second of the processor's time, of transformers' model in fp32."""
    found = find_encoder_checkpoint(EMBEDDED)
    model = load_model(found, found.family.tower_class)
    shape = (BATCH, found.image_size, found.image_size, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    wall, cpu, images = time.perf_counter(), time.process_time(), 0
    with torch.inference_mode():
        while time.perf_counter() - wall < SECONDS:
            values = torch.from_numpy(normalise(found.preprocess, pixels)).permute(0, 3, 1, 2)
            model(values)
            images += BATCH
    return images / (time.perf_counter() - wall), images / (time.process_time() - cpu)


def row(one: Told, bf16: float, loop: float, whole: int) -> list[str]:
    """A line of the table."""
    spaces = one["spaces"].values()
    stored = [space for space in spaces if not space["derived"]]
    searched = [space for space in spaces if space["searched"]]
    runs = one["measured"]
    rate, size = (0.0, 0) if runs is None else (runs["per_cpu_second"], runs["size"])
    return [
        one["name"],
        f"{min(space['median'] for space in stored):.5f}",
        f"{min(space['least'] for space in stored):.5f}",
        f"{min(space['overlap'] for space in searched):.3f}",
        f"{min(space['copies'] for space in searched):.3f}",
        f"{rate:.1f}",
        f"{rate / bf16:.2f}",
        f"{rate / loop:.2f}",
        f"{size / 1e6:.1f}",
        f"{whole / max(size, 1):.2f}",
        "no" if one["failed"] else "yes",
    ]


def full(one: Told, measured: Sequence[Told], whole: int) -> int:
    """Bytes of the same target's fp32 export, or of the checkpoint where that was not measured."""
    target = one["name"].partition(" ")[0]
    same = (each["measured"] for each in measured if each["name"] == f"{target} fp32")
    return next((int(runs["size"]) for runs in same if runs is not None), whole)


def chosen(given: Sequence[str]) -> list[tuple[str, str]]:
    """The variants to measure: those that are named, or all."""
    return [one for one in VARIANTS if not given or " ".join(one) in given]


def earlier(folder: Path, asked: Told) -> list[Told]:
    """What was measured before the same command was interrupted."""
    path = folder / "exports.json"
    found: Told = json.loads(path.read_text("utf-8")) if path.exists() else {}
    goes_on = found.get("asked") == asked and not found["complete"]
    return [*found["exports"]] if goes_on else []


def main() -> None:
    parser = argparse.ArgumentParser(description="exports; see the module's text")
    parser.add_argument("--images", default="examples")
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--only", nargs="*", default=[], help='such as "openvino int8"')
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    options = parser.parse_args()
    settings = ExportOptions(sample=options.sample, tried=False, forced=True)
    found = find_encoder_checkpoint(EMBEDDED)
    whole = (found.directory / "model.safetensors").stat().st_size
    source = try_out(EMBEDDED, [space.name for space in found.select()], whole)
    _, loop = plain_loop()
    variants = chosen(options.only)
    asked = {"images": options.images, "sample": options.sample, "exports": [*map(list, variants)]}
    measured = earlier(options.results, asked)
    for target, bits in variants:
        if f"{target} {bits}" in [one["name"] for one in measured]:
            continue
        measured.append(exported(target, bits, options.images, settings))
        described = machine.describe(machine.command_line("benchmarks.exports"))
        content = {
            "machine": described,
            "asked": asked,
            "complete": len(measured) == len(variants),
            "source": None if source is None else asdict(source),
            "transformers_per_cpu_second": loop,
            "exports": measured,
        }
        page = _page(described, measured, source, loop, whole)
        report.write("exports", content, page, options.results)


def _page(
    described: Told, measured: Sequence[Told], source: RunningCosts | None, loop: float, whole: int
) -> str:
    bf16 = source.per_cpu_second if source is not None else float("nan")
    columns = ["", "median cosine", "least", "ten nearest kept", "copies found", "images/CPU s"]
    columns += ["of its source here", "of transformers", "MB", "smaller by", "certified"]
    order = [" ".join(one) for one in VARIANTS]
    ranked = sorted(measured, key=lambda one: order.index(one["name"]))
    rows = [row(one, bf16, loop, full(one, measured, whole)) for one in ranked]
    parts = [
        report.heading("Exports of the embedded encoder", described),
        f"{measured[0]['images']} images; the source runs "
        f"{'' if source is None else source.runtime} at {bf16:.1f}, transformers' loop in fp32 at "
        f"{loop:.1f} images a second of the processor's time.\n",
        report.table(columns, rows),
        "",
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    main()
