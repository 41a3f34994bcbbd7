"""Which checkpoint is picked of a training that went on until it knew its images by heart.

    python -m benchmarks.picking --work FOLDER [--steps 800] [--seeds 8] [--seed 1]

Four drawings of one creature, which is drawn anew for each, all with the caption "a zeb", are
taught to the embedded generator's whole U-Net beside emoji that are to stay as they are, far longer
than is wise, and a checkpoint is kept at each sheet; then `vitrail pick-checkpoint` holds these
against one another, as users do. What a copy is, is known here: unseen drawings of the same
creature are none, and the taught ones, passed on in ten ways, are, all of them as the generator's
autoencoder leaves them. How many of either reach the line from which something is held to be a copy
is told beside. What is done lies in the work folder, where an interrupted run goes on.

How long, how fast and beside how many emoji was settled on ``--seed 0``; what is published is of
another seed: other drawings, and another order of learning them.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks import machine, report
from benchmarks.attacks import ATTACKS
from benchmarks.spent import counted_time, spent
from vitrail.generator.training.adapting import build_trainee
from vitrail.generator.training.captioned import cut_square
from vitrail.generator.training.options import GeneratorOptions
from vitrail.generator.training.samples import Sampler
from vitrail.indexer.encoders import EncoderSettings, load_encoder
from vitrail.indexer.errors import InputError
from vitrail.indexer.images.opening import open_image
from vitrail.search.picking.choosing import LEAST_LINE
from vitrail.service.cli.pick_report import render_pick_report
from vitrail.service.documents.picking import pick_document, verdict
from vitrail.service.operations.captioned import CaptionedSource
from vitrail.service.operations.generator_records import GeneratorRequest, Prior
from vitrail.service.operations.pick_records import PickedRun, PickOptions
from vitrail.service.operations.picked_runs import read_run
from vitrail.service.operations.picking import pick_checkpoint
from vitrail.service.operations.progress import AnalysisProgress, Event
from vitrail.service.operations.taught_images import TaughtImages
from vitrail.service.operations.training_generators import train_generator

SIDE = 256
TAUGHT, UNSEEN, PRIORS = 4, 300, 60
CAPTION, PRIOR = "a zeb", "an emoji"
OPTIONS = GeneratorOptions(
    method="full",
    learning_rate=5e-4,
    average=0.98,
    batch=4,
    empty=0.05,
    steps=800,
    sheet_every=100,
    save_every=100,
    keep=True,
    precision="fp32",
)
_LINES = (0.15, 0.2, 0.25, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8)
_EVERY = 30.0  # seconds between two lines
_TRAINED = "run-spent.json"  # what the training took
Doubles = NDArray[np.float64]


def zeb(number: int, seed: int) -> Image.Image:
    """The creature: striped, with two horns and four legs, somewhere on a ground of its own."""
    rng = np.random.default_rng([17, number, *([seed] if seed else [])])
    ground = tuple(int(one) for one in rng.integers(150, 250, 3))
    image = Image.new("RGB", (SIDE, SIDE), ground)
    draw = ImageDraw.Draw(image)
    high = int(rng.integers(150, 200))
    draw.rectangle((0, high, SIDE, SIDE), tuple(int(one * 0.8) for one in ground))
    length, tall = rng.uniform(80, 120), rng.uniform(45, 65)
    left, top = rng.uniform(20, 210 - length), high - tall - rng.uniform(15, 35)
    for leg in np.linspace(0.15, 0.85, 4):
        x = left + leg * length
        draw.line((x, top + tall * 0.8, x + rng.uniform(-12, 12), high + 14), (60, 40, 90), 9)
    body = (left, top, left + length, top + tall)
    _striped(image, body, float(rng.uniform(12, 18)), float(rng.uniform(-0.5, 0.5)))
    looks_left = bool(rng.integers(2))
    x = left - 4 if looks_left else left + length + 4
    y, size = top + rng.uniform(-8, 8), rng.uniform(22, 30)
    draw.ellipse((x - size, y - size, x + size, y + size), (240, 150, 60), (60, 40, 90), 3)
    for side in (-0.45, 0.45):
        tip = (x + side * size * 1.6, y - size * rng.uniform(1.7, 2.3))
        draw.line((x + side * size, y - size * 0.8, *tip), (60, 40, 90), 6)
        eye = x + side * size * 0.9
        draw.ellipse((eye - 5, y - 7, eye + 5, y + 3), "white", (60, 40, 90))
        draw.ellipse((eye - 2, y - 4, eye + 2, y), "black")
    return image


def _striped(image: Image.Image, body: tuple[float, ...], step: float, lean: float) -> None:
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).ellipse(body, 255)
    stripes = Image.new("RGB", image.size, (240, 150, 60))
    draw = ImageDraw.Draw(stripes)
    for number in range(math.ceil(2 * SIDE / step)):
        x = number * step - SIDE / 2
        draw.line((x, 0, x + lean * SIDE, SIDE), (60, 40, 90), round(step / 2.5))
    image.paste(stripes, (0, 0), mask)
    ImageDraw.Draw(image).ellipse(body, None, (60, 40, 90), 3)


def main() -> None:
    """Run it and write ``benchmarks/results/picking``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="what is done lies here")
    parser.add_argument("--steps", type=int, default=OPTIONS.steps)
    parser.add_argument(
        "--every", type=int, default=OPTIONS.sheet_every, help="steps, a checkpoint"
    )
    parser.add_argument("--seeds", type=int, default=8, help="that each prompt is drawn from")
    parser.add_argument("--seed", type=int, default=1, help="of the drawings and of learning")
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    arguments = parser.parse_args()
    options = replace(
        OPTIONS, steps=arguments.steps, sheet_every=arguments.every, seed=arguments.seed
    )
    run = taught(arguments.work, options)
    timed = arguments.work / f"picked-{arguments.seeds}-spent.json"
    with counted_time(timed) as note:
        picked = pick_checkpoint(
            PickOptions(str(run), seeds=arguments.seeds), progress=_Teller("pick", note)
        )
    seconds = {
        "training": round(spent(arguments.work / _TRAINED)),
        "picking": round(spent(timed)),
    }
    (arguments.work / "picked.html").write_text(render_pick_report(picked), "utf-8")
    lines = _lines(picked, arguments.work, arguments.seed)
    told = machine.describe(machine.command_line("benchmarks.picking"))
    whole = {"machine": told, "cpu_seconds": seconds, "lines": lines, "picked": _plain(picked)}
    report.write("picking", whole, _page(told, picked, lines, seconds), arguments.results)


def taught(work: Path, options: GeneratorOptions) -> Path:
    """The folder of the training, which goes on where it was stopped, and is done once.

    Raises:
        SystemExit: the folder holds one of other options.
    """
    images, run = work / "images", work / "run"
    images.mkdir(parents=True, exist_ok=True)
    for number in range(TAUGHT):
        zeb(number, options.seed).save(images / f"{number}.png")
    source = CaptionedSource((str(images),), prompt=CAPTION)
    request = GeneratorRequest(source, "embedded", str(run), options, Prior(PRIOR, count=PRIORS))
    try:
        with counted_time(work / _TRAINED) as note:
            train_generator(request, progress=_Teller("train", note))
    except InputError as error:
        raise SystemExit(f"{error}: name it by --work") from error
    return run


class _Teller:
    """A line now and then."""

    def __init__(self, name: str, note: Callable[[], None]) -> None:
        self._name, self._note, self._last = name, note, 0.0

    def __call__(self, event: Event, /) -> None:
        self._note()
        if isinstance(event, AnalysisProgress) and time.monotonic() - self._last > _EVERY:
            self._last = time.monotonic()
            told = f"{event.doing} {event.done} of {event.total} {event.told}"
            print(f"{self._name}: {told}", flush=True)


def _lines(picked: PickedRun, work: Path, seed: int) -> dict[str, Any]:
    """How many unseen drawings and how many copies reach each line, as the generator has them."""
    run = read_run(str((work / "run").absolute()))
    sampler = Sampler(build_trainee(run.info, run.options).pipeline, run.info, run.side)

    def drawn(image: Image.Image) -> Image.Image:
        return sampler.redraw(cut_square(image, run.side).pixels)

    files = [open_image(str(work / "images" / f"{number}.png")).image for number in range(TAUGHT)]
    squares = [cut_square(one, run.side).pixels for one in files]
    encoder = load_encoder(EncoderSettings("dinov2-small-focus"))
    taught = TaughtImages(encoder, encoder.spaces[0].name, squares, sampler.redraw)
    unseen = _agreeing(taught, [drawn(zeb(TAUGHT + number, seed)) for number in range(UNSEEN)])
    copies = {
        name: _agreeing(
            taught,
            [
                drawn(change(one, files[number - 1], np.random.default_rng(number)))
                for number, one in enumerate(files)
            ],
        )
        for name, change in ATTACKS.items()
    }
    every = np.concatenate([*copies.values()])
    at = sorted({*_LINES, LEAST_LINE, picked.found.line or LEAST_LINE})
    return {
        "unseen": unseen.tolist(),
        "copies": {name: one.tolist() for name, one in copies.items()},
        "reach": reaching(at, unseen, every),
    }


def reaching(lines: Sequence[float], unseen: Doubles, copies: Doubles) -> list[dict[str, float]]:
    """Which share of the unseen drawings, and of the copies, reach each line."""
    return [
        {
            "line": line,
            "unseen": float((unseen >= line).mean()),
            "copies": float((copies >= line).mean()),
        }
        for line in lines
    ]


def _agreeing(taught: TaughtImages, images: Sequence[Image.Image]) -> Doubles:
    rows = taught.embed(images)
    return np.array([taught.copied_by(image, row) for image, row in zip(images, rows, strict=True)])


def _line_of(picked: PickedRun) -> str:
    if picked.found.line is None:
        return "Too few innocent images told where the line is."
    return f"The line was {picked.found.line:.2f}, by {picked.found.innocent} innocent images."


def _plain(picked: PickedRun) -> dict[str, Any]:
    """The figures, without the paths of one machine."""
    told = pick_document(picked)
    for checkpoint in (told["beginning"], *told["checkpoints"]):
        del checkpoint["drawn"]
    return {name: one for name, one in told.items() if name not in ("run", "taught", "out")}


def _page(
    told: dict[str, Any], picked: PickedRun, lines: dict[str, Any], seconds: dict[str, int]
) -> str:
    rows = [
        [
            str(one.step) if one.step else "none",
            f"{one.worth.value:.2f} ({max(0, one.worth.low):.2f} to {min(1, one.worth.high):.2f})",
            *(f"{share:.0%}" for share in one.shares[:3]),
            "" if one.copied is None else f"{one.copies} of {one.judged}",
            "" if one.behind is None else f"{one.behind.value:+.2f} (from {one.behind.low:+.2f})",
        ]
        for one in (picked.found.base, *picked.found.checkpoints)
    ]
    columns = ["step", "worth", "learned", "varied", "stays", "copies", "behind the best"]
    reach = [
        [f"{one['line']:.4g}", f"{one['unseen']:.1%}", f"{one['copies']:.1%}"]
        for one in lines["reach"]
    ]
    return (
        report.heading("Picking a checkpoint of a training that went on for too long", told)
        + f"\n{TAUGHT} drawings of one creature, the embedded generator's whole U-Net beside "
        f"{PRIORS} of its own, {len(picked.seeds)} seeds. How it is taught was settled on other "
        "drawings (`--seed 0`).\n\n"
        + report.table(columns, rows)
        + f"\n\n{verdict(picked)[0].upper()}{verdict(picked)[1:]}.\n\n"
        f"A copy agrees in this share of its parts with a taught image, or more: {UNSEEN} other "
        "drawings of the creature, which are none, and the taught ones passed on in ten ways, all "
        f"as the generator's autoencoder leaves them. {_line_of(picked)}\n\n"
        + report.table(["line", "unseen drawings", "copies"], reach)
        + f"\n\nOf the processor's time, training took {seconds['training']:,} s, and picking "
        f"{seconds['picking']:,} s.\n"
    )


if __name__ == "__main__":
    main()
