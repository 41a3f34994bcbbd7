"""Exports of the embedded encoder in every precision: how near, how fast, how small.

    python -m benchmarks.exports --images examples --work FOLDER [--sample 300]
    python -m benchmarks.exports --images examples --work FOLDER --part speed

Each is exported as `vitrail export-encoder --force` does, into the work folder, and held against
its source on the images; then all run, each in a process of its own, in turns with the source as
OpenVINO runs it here and with a plain loop of transformers in fp32; of several rounds the fastest
counts. Rates are images a second of the processor's time. What is near is so on a busy machine,
too: ``--part quality`` can be run on one; ``--part speed`` takes minutes, and wants a quiet one.
What lies in the work folder is not made again: an interrupted command goes on. Sizes are beside
that of the target's own fp32 export, where it was made: the checkpoint's file also holds blocks
that no space is taken from. ``--only "openvino fp32" --sample 24`` tries whether all works.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import machine, report
from benchmarks.tiles import MOST, VARIABLE, has_tiles, kernels_of, tiles_unused
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
from vitrail.indexer.encoders.settings import EMBEDDED
from vitrail.indexer.encoders.torch_encoder import load_model
from vitrail.indexer.export.certificate import RunningCosts
from vitrail.indexer.export.plan import ExportPlan
from vitrail.indexer.export.trial import BATCH, SECONDS, try_out
from vitrail.indexer.images.preprocess import normalise
from vitrail.indexer.wording import counted
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
CHOSEN = ("openvino int8", "onnx int8")
"""Those of which parts may go back to floating point."""
Told = dict[str, Any]
"""An export as it is kept: its certificate, with its name and its size."""
SOURCE = "source"
HALF = "openvino bf16"
FULL = "openvino fp32"
HELD = (SOURCE, FULL, HALF, *(f"openvino {bits}" for bits in ("int8", "int8 weights", "int4")))
"""Those that are measured without the processor's tiles as well."""


def exported(target: str, bits: str, images: str, work: Path, options: ExportOptions) -> Told:
    """Export and measure how near it is, or tell what came of it earlier."""
    name = f"{target} {bits}"
    folder, kept = work / name.replace(" ", "-"), work / f"{name.replace(' ', '-')}.json"
    asked = {"images": images, "sample": options.sample}
    if kept.exists():
        found: Told = json.loads(kept.read_text("utf-8"))
        if found["asked"] != asked:
            raise SystemExit(f"{kept} was measured on {found['asked']}, not {asked}: take another")
        return found
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier command that was interrupted
    precision, _, weights = bits.partition(" ")
    plan = ExportPlan(target, precision, weights_only=bool(weights))
    source = source_of_folder(EMBEDDED, (), images, options)
    made = export_encoder(source, plan, folder, options)
    assert made.certificate is not None
    told: Told = {"name": name, "asked": asked, "size": made.size}
    told |= json.loads(made.certificate.to_json())
    kept.write_text(json.dumps(told), "utf-8")
    return told


def sped(measured: Sequence[Told], work: Path, spaces: Sequence[str], rounds: int) -> Told:
    """The fastest of some rounds of each export, of the source and of transformers' loop.

    Where the processor has tiles, OpenVINO's are measured in each round without them as well.
    """
    found = find_encoder_checkpoint(EMBEDDED)
    asked = {SOURCE: (EMBEDDED, (found.directory / "model.safetensors").stat().st_size)}
    for one in measured:
        asked[one["name"]] = str(work / one["name"].replace(" ", "-")), one["size"]
    tiles = without_tiles(work) if has_tiles() else {}
    best: dict[str, RunningCosts] = {}
    held: dict[str, RunningCosts] = {}
    loop = 0.0
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", flush=True)
        loop = max(loop, plain_loop()[1])
        for name, (checkpoint, size) in asked.items():
            _keep(best, name, try_out(checkpoint, spaces, size))
            if tiles and name in HELD:
                with tiles_unused():
                    _keep(held, name, try_out(checkpoint, spaces, size))
    told: Told = {"rounds": rounds, "transformers_per_cpu_second": loop, "rates": _plain(best)}
    return told | ({"without_tiles": {**tiles, "rates": _plain(held)}} if held else {})


def without_tiles(work: Path) -> Told:
    """The kernels that OpenVINO chooses with and without tiles.

    Raises:
        SystemExit: it uses them though it is told not to.
    """
    model = next(work.glob("openvino-*/model.xml"), None)
    if model is None:
        return {}
    tiled = kernels_of(model)
    with tiles_unused():
        held = kernels_of(model)
    if any("amx" in one for one in held):
        raise SystemExit(f"OpenVINO multiplies by {', '.join(held)} though it may use {MOST} alone")
    return {"variable": f"{VARIABLE}={MOST}", "kernels": tiled, "kernels_without": held}


def _keep(best: dict[str, RunningCosts], name: str, costs: RunningCosts | None) -> None:
    """Keep the fastest."""
    earlier = best.get(name)
    if costs and (earlier is None or costs.per_cpu_second > earlier.per_cpu_second):
        best[name] = costs


def _plain(costs: dict[str, RunningCosts]) -> dict[str, Told]:
    return {name: asdict(one) for name, one in costs.items()}


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


def row(one: Told, speeds: Told, whole: int) -> list[str]:
    """A line of the table."""
    spaces = one["spaces"].values()
    stored = [space for space in spaces if not space["derived"]]
    searched = [space for space in spaces if space["searched"]]
    return [
        one["name"],
        f"{min(space['median'] for space in stored):.5f}",
        f"{min(space['least'] for space in stored):.5f}",
        f"{min(space['overlap'] for space in searched):.3f}",
        f"{min(space['copies'] for space in searched):.3f}",
        *rates(one["name"], speeds),
        f"{one['size'] / 1e6:.1f}",
        f"{whole / one['size']:.2f}",
        *((str(len(one["reverted"])), str(one["tries"])) if one["name"] in CHOSEN else ("", "")),
        "no" if one["failed"] else "yes",
    ]


def rates(name: str, speeds: Told) -> list[str]:
    """Images a second of the processor's time; how many times the source's, and the loop's."""
    known = speeds.get("rates", {})
    if name not in known or SOURCE not in known:
        return ["", "", ""]
    rate = known[name]["per_cpu_second"]
    source, loop = known[SOURCE]["per_cpu_second"], speeds["transformers_per_cpu_second"]
    return [f"{rate:.1f}", f"{rate / source:.2f}", f"{rate / loop:.2f}"]


def full(one: Told, measured: Sequence[Told], whole: int) -> int:
    """Bytes of the same target's fp32 export, or of the checkpoint where that was not made."""
    target = one["name"].partition(" ")[0]
    same = (int(each["size"]) for each in measured if each["name"] == f"{target} fp32")
    return next(same, whole)


def chosen(given: Sequence[str]) -> list[tuple[str, str]]:
    """The variants to measure: those that are named, or all."""
    return [one for one in VARIANTS if not given or " ".join(one) in given]


def main() -> None:
    parser = argparse.ArgumentParser(description="exports; see the module's text")
    parser.add_argument("--images", default="examples")
    parser.add_argument("--work", type=Path, required=True, help="exports lie here")
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--only", nargs="*", default=[], help='such as "openvino int8"')
    parser.add_argument("--part", choices=("quality", "speed", "both"), default="both")
    parser.add_argument("--rounds", type=int, default=3, help="of all, in turns, for speed")
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    settings = ExportOptions(sample=options.sample, tried=False, forced=True)
    found = find_encoder_checkpoint(EMBEDDED)
    whole = (found.directory / "model.safetensors").stat().st_size
    spaces = [space.name for space in found.select()]
    kept = options.work / "speeds.json"
    speeds: Told = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    measured: list[Told] = []
    for target, bits in chosen(options.only):
        measured.append(exported(target, bits, options.images, options.work, settings))
        _write(measured, speeds, spaces, whole, options.results)
    if options.part != "quality":
        speeds = sped(measured, options.work, spaces, options.rounds)
        kept.write_text(json.dumps(speeds), "utf-8")
        _write(measured, speeds, spaces, whole, options.results)


_AMX = (
    " This processor multiplies bf16 by tiles (AMX), beside which 8 bits gain less than where "
    "there is VNNI alone."
)


def _write(
    measured: list[Told], speeds: Told, spaces: Sequence[str], whole: int, results: Path
) -> None:
    described = machine.describe(machine.command_line("benchmarks.exports"))
    content = {"machine": described, "spaces": [*spaces], "exports": measured, "speed": speeds}
    report.write("exports", content, _page(described, measured, speeds, spaces, whole), results)


def _page(
    described: Told, measured: Sequence[Told], speeds: Told, spaces: Sequence[str], whole: int
) -> str:
    columns = ["", "median cosine", "least", "ten nearest kept", "copies found", "images/CPU s"]
    columns += ["of its source here", "of transformers", "MB", "smaller by"]
    columns += ["in floating point", "judged", "certified"]
    rows = [row(one, speeds, full(one, measured, whole)) for one in measured]
    parts = [
        report.heading("Exports of the embedded encoder", described),
        f"{measured[0]['images']} images, {', '.join(spaces)}. {_beside(speeds)}\n",
        report.table(columns, rows),
        "",
    ]
    return "\n".join([*parts, *_unused(speeds)])


def _unused(speeds: Told) -> list[str]:
    """The section on the same processor with its tiles unused."""
    told = speeds.get("without_tiles", {})
    rates = {name: one["per_cpu_second"] for name, one in told.get("rates", {}).items()}
    beside = [name for name in (SOURCE, HALF, FULL) if name in rates]
    rows = [
        [name, f"{rate:.1f}", *(f"{rate / rates[other]:.2f}" for other in beside)]
        for name, rate in rates.items()
    ]
    if not rows:
        return []
    return [
        "## The same processor, its tiles left unused\n",
        f"Measured in the same rounds, with `{told['variable']}`: OpenVINO then multiplies as on a "
        "processor with VNNI and bf16, but without AMX. That it obeys is told by the kernel of its "
        f"convolution, {', '.join(told['kernels_without'])} in place of "
        f"{', '.join(told['kernels'])}. No processor without AMX was measured: where there are no "
        "tiles, the units for bf16 may be faster, beside float32, than they are here.\n",
        report.table(["", "images/CPU s", *(f"of {name}" for name in beside)], rows),
        "",
    ]


def _beside(speeds: Told) -> str:
    source = speeds.get("rates", {}).get(SOURCE)
    if source is None:
        return "Speeds were not measured."
    return (
        f"The source runs by {source['runtime']} at {source['per_cpu_second']:.1f}, transformers' "
        f"loop in fp32 at {speeds['transformers_per_cpu_second']:.1f} images a second of the "
        f"processor's time; the fastest of {counted(speeds['rounds'], 'round')}."
        f"{_AMX if has_tiles() else ''}"
    )


if __name__ == "__main__":
    main()
