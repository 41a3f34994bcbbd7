"""Exports of the embedded encoder in every precision: how near, how fast, how small.

    python -m benchmarks.exports --images examples --sample 300

Each is exported as `vitrail export-encoder --force` does, and held against its source on the
images; then each runs in a process of its own, beside the source as OpenVINO runs it here and
beside a plain loop of transformers in fp32. Rates are images a second of the processor's time,
which a busy machine tells as well. Sizes are beside that of the target's own fp32 export, where it
was measured: the checkpoint's file also holds blocks that no space is taken from.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks import machine, report
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
from vitrail.indexer.encoders.settings import EMBEDDED
from vitrail.indexer.encoders.torch_encoder import load_model
from vitrail.indexer.export.certificate import Certificate, RunningCosts
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


@dataclass(frozen=True, slots=True)
class Measured:
    """One export.

    Attributes:
        name: target and precision.
        certificate: what was measured of its vectors.
        runs: how it runs; ``None`` where its process came to nothing.
        seconds: that the export took, certificate included.
    """

    name: str
    certificate: Certificate
    runs: RunningCosts | None
    seconds: float


def exported(target: str, bits: str, folder: Path, images: str, options: ExportOptions) -> Measured:
    """Export, measure, run."""
    precision, _, weights = bits.partition(" ")
    plan = ExportPlan(target, precision, weights_only=bool(weights))
    started = time.perf_counter()
    made = export_encoder(source_of_folder(EMBEDDED, (), images, options), plan, folder, options)
    seconds = time.perf_counter() - started
    assert made.certificate is not None
    names = [name for name, _ in made.certificate.source.spaces]
    runs = try_out(str(folder), names, made.size)
    return Measured(f"{target} {bits}", made.certificate, runs, seconds)


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


def row(one: Measured, bf16: float, loop: float, whole: int) -> list[str]:
    """A line of the table."""
    spaces = one.certificate.spaces.values()
    stored = [space for space in spaces if not space.derived]
    searched = [space for space in spaces if space.searched]
    rate = one.runs.per_cpu_second if one.runs is not None else 0.0
    size = one.runs.size if one.runs is not None else 0
    return [
        one.name,
        f"{min(space.median for space in stored):.5f}",
        f"{min(space.least for space in stored):.5f}",
        f"{min(space.overlap for space in searched):.3f}",
        f"{min(space.copies for space in searched):.3f}",
        f"{rate:.1f}",
        f"{rate / bf16:.2f}",
        f"{rate / loop:.2f}",
        f"{size / 1e6:.1f}",
        f"{whole / max(size, 1):.2f}",
        "no" if one.certificate.failed else "yes",
    ]


def full(one: Measured, measured: Sequence[Measured], whole: int) -> int:
    """Bytes of the same target's fp32 export, or of the checkpoint where that was not measured."""
    target = one.name.partition(" ")[0]
    same = (each.runs for each in measured if each.name == f"{target} fp32")
    return next((runs.size for runs in same if runs is not None), whole)


def chosen(given: Sequence[str]) -> list[tuple[str, str]]:
    """The variants to measure: those whose name contains one of the words, or all."""
    return [one for one in VARIANTS if not given or " ".join(one) in given]


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
    measured = []
    with tempfile.TemporaryDirectory(prefix="vitrail-exports-") as scratch:
        for target, bits in chosen(options.only):
            folder = Path(scratch) / f"{target}-{bits.replace(' ', '-')}"
            measured.append(exported(target, bits, folder, options.images, settings))
            print(measured[-1].name, "measured", flush=True)
    source = try_out(EMBEDDED, [space.name for space in found.select()], whole)
    _, loop = plain_loop()
    bf16 = source.per_cpu_second if source is not None else float("nan")
    described = machine.describe(machine.command_line("benchmarks.exports"))
    content = {
        "machine": described,
        "source": None if source is None else asdict(source),
        "transformers_per_cpu_second": loop,
        "exports": [
            {"seconds": one.seconds, **asdict(one.certificate), "measured": _costs(one)}
            for one in measured
        ],
    }
    columns = ["", "median cosine", "least", "ten nearest kept", "copies found", "images/CPU s"]
    columns += ["of its source here", "of transformers", "MB", "smaller by", "certified"]
    page = [
        report.heading("Exports of the embedded encoder", described),
        f"{measured[0].certificate.images if measured else 0} images; the source runs "
        f"{'' if source is None else source.runtime} at {bf16:.1f}, transformers' loop in fp32 at "
        f"{loop:.1f} images a second of the processor's time.\n",
        report.table(
            columns, [row(one, bf16, loop, full(one, measured, whole)) for one in measured]
        ),
        "",
    ]
    report.write("exports", content, "\n".join(page), options.results)


def _costs(one: Measured) -> dict[str, object] | None:
    return None if one.runs is None else asdict(one.runs)


if __name__ == "__main__":
    main()
