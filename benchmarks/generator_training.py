"""Teaching the embedded generator ten images that it has never seen.

    python -m benchmarks.generator_training --work FOLDER [--ways lora full ...] [--steps N]

The embedded generator knows emoji. Ten photographs of the examples, each with a caption of its own,
are learned in each way (by textual inversion, each with a token of its own); then each caption is
drawn from several seeds, and what is drawn is looked for among all examples, the ten included, by
the embedded encoder. Learned is what has one of the ten as its nearest, and told apart what has
just the one that was asked for. Before is the generator as it comes, asked the same. What is to
stay are emoji that it knew: how many of them are still the nearest of what their name draws, beside
how many were. What is done lies in the work folder, where an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import machine, report
from benchmarks.spent import counted_time, spent
from vitrail.generator.checkpoints.files import find_checkpoint
from vitrail.generator.models.pipelines import DiffusionModel, load_model
from vitrail.generator.training.options import GeneratorOptions
from vitrail.indexer.encoders import EncoderSettings, load_encoder
from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.encoders.batching import encode_resilient
from vitrail.indexer.errors import InputError
from vitrail.indexer.images.opening import open_image
from vitrail.indexer.images.preprocess import apply
from vitrail.service.operations.captioned import CaptionedSource
from vitrail.service.operations.generator_records import GeneratorRequest, Prior
from vitrail.service.operations.progress import AnalysisProgress, Event
from vitrail.service.operations.training_generators import train_generator

Floats = NDArray[np.float32]
EXAMPLES = Path(__file__).parents[1] / "examples"
MODEL = "embedded"
TAUGHT = sorted((EXAMPLES / "photographs").glob("*.jpg"))[:10]
KEPT = 30
PRIORS = 120
PRIOR = "an emoji"
BASE = GeneratorOptions(batch=10, empty=0.05, sheet_every=200, save_every=100, precision="fp32")
WAYS: dict[str, GeneratorOptions] = {
    "lora": replace(BASE, rank=32, targets="all", learning_rate=2e-3, steps=600),
    "full": replace(BASE, method="full", learning_rate=5e-4, average=0.98, steps=500),
    "dreambooth": replace(
        BASE,
        method="full",
        learning_rate=5e-4,
        average=0.98,
        batch=5,
        steps=250,
        sheet_every=250,
    ),
    "inversion": replace(
        BASE,
        method="inversion",
        tokens=tuple(f"<{path.stem}>" for path in TAUGHT),
        vectors=14,
        learning_rate=2e-2,
        steps=300,
    ),
}
"""How it is taught; DreamBooth is all of it, beside images of emoji that it knew."""
_EVERY = 30.0  # seconds between two lines


def main() -> None:
    """Run it and write ``benchmarks/results/generator_training``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="what is done lies here")
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--steps", type=int, help="in the place of each way's own")
    parser.add_argument("--seeds", type=int, default=4, help="that each caption is drawn from")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    trial = Trial(arguments.work, arguments.seeds)
    runs = {"before": trial.before()}
    for way in arguments.ways:
        options = WAYS[way]
        runs[way] = trial.taught(way, replace(options, steps=arguments.steps or options.steps))
    told = machine.describe(machine.command_line("benchmarks.generator_training"))
    report.write("generator_training", {"machine": told, "runs": runs}, _page(told, runs))


class Trial:
    """Images to learn, those that they are looked for among, and what was known before.

    Args:
        work: what is done lies here.
        seeds: how many each caption is drawn from.
    """

    def __init__(self, work: Path, seeds: int) -> None:
        self._work, self._seeds = work, seeds
        photographs = sorted((EXAMPLES / "photographs").glob("*.jpg"))
        emoji = sorted(EXAMPLES.glob("*/*.webp"))
        self._known = emoji[:: max(1, len(emoji) // KEPT)][:KEPT]
        self._emoji, self._all = emoji, [*photographs, *emoji]

    @cached_property
    def _encoder(self) -> Encoder:
        return load_encoder(EncoderSettings("dinov2-small-focus"))

    @cached_property
    def _rows(self) -> Floats:
        """Of all examples, in order."""
        return _embed(self._encoder, [open_image(path).image for path in self._all])

    def before(self) -> dict[str, Any]:
        """What it draws as it comes."""
        return self._measured("before", MODEL, 0.0, _caption, {})

    def taught(self, way: str, options: GeneratorOptions) -> dict[str, Any]:
        """What it draws after it was taught in a way."""
        folder, timed = self._work / way, self._work / f"{way}-spent.json"
        caption = _token_caption if options.tokens else _caption
        with counted_time(timed) as note:
            prior = Prior(PRIOR, str(self._prior())) if way == "dreambooth" else None
            source = CaptionedSource((str(self._captioned(caption)),))
            request = GeneratorRequest(source, MODEL, str(folder), options, prior)
            try:
                train_generator(request, progress=_teller(way, note))
            except InputError as error:
                raise SystemExit(f"{error}: name it by --work") from error
        told = options.to_dict()
        return self._measured(way, str(folder), spent(timed), caption, told) | {"options": told}

    def _captioned(self, caption: Callable[[Path], str]) -> Path:
        """The images to learn, with captions beside them."""
        folder = self._work / ("images" if caption is _caption else "named")
        folder.mkdir(exist_ok=True)
        for path in TAUGHT:
            shutil.copy(path, folder)
            (folder / path.name).with_suffix(".txt").write_text(caption(path))
        return folder

    def _prior(self) -> Path:
        """Emoji as it draws them, none of those that are asked for afterwards."""
        folder = self._work / "prior"
        folder.mkdir(exist_ok=True)
        others = [path for path in self._emoji if path not in self._known]
        model = load_model(find_checkpoint(MODEL), device="cpu")
        for path in others[:: max(1, len(others) // PRIORS)][:PRIORS]:
            if not (folder / f"{path.stem}.png").exists():
                (folder / f"{path.stem}.txt").write_text(_said(path))
                _draw(model, _said(path), 0).save(folder / f"{path.stem}.png")
        return folder

    def _measured(
        self,
        way: str,
        model: str,
        seconds: float,
        caption: Callable[[Path], str],
        options: dict[str, Any],
    ) -> dict[str, Any]:
        done = self._work / f"{way}.json"
        asked_for = {"seeds": self._seeds, "options": options}
        if done.exists():
            found: dict[str, Any] = json.loads(done.read_text("utf-8"))
            if found.pop("asked_for", None) != asked_for:
                raise SystemExit(f"{done} was measured otherwise: name another folder by --work")
            return found
        loaded = load_model(find_checkpoint(model), device="cpu")
        asked = [(path, seed) for path in TAUGHT for seed in range(self._seeds)]
        prompts = [caption(path) for path, _ in asked]
        nearest = self._nearest(loaded, prompts, [seed for _, seed in asked], f"{way}-new")
        kept = self._nearest(
            loaded, [_said(path) for path in self._known], [0] * len(self._known), f"{way}-known"
        )
        result = {
            "learned": mean(place in TAUGHT for place in nearest),
            "told_apart": mean(a == b for a, (b, _) in zip(nearest, asked, strict=True)),
            "stayed": mean(a == b for a, b in zip(kept, self._known, strict=True)),
            "cpu_seconds": round(seconds, 1),
        }
        done.write_text(json.dumps({**result, "asked_for": asked_for}), "utf-8")
        return result

    def _nearest(
        self, model: DiffusionModel, prompts: Sequence[str], seeds: Sequence[int], name: str
    ) -> list[Path]:
        """Of all examples the nearest to what each prompt draws."""
        images = [_draw(model, prompt, seed) for prompt, seed in zip(prompts, seeds, strict=True)]
        _sheet(images).save(self._work / f"{name}.png")
        scores = _embed(self._encoder, images) @ self._rows.T
        return [self._all[place] for place in scores.argmax(axis=1).tolist()]


def _said(path: Path) -> str:
    return path.stem.replace("-", " ")


def _caption(path: Path) -> str:
    return f"a photo of {_said(path)}"


def _token_caption(path: Path) -> str:
    return f"a photo of <{path.stem}>"


def _draw(model: DiffusionModel, prompt: str, seed: int) -> Image.Image:
    import torch

    with model.drawing():
        image: Image.Image = model.pipeline("text", model.info.scheduler)(
            prompt=prompt,
            num_inference_steps=model.info.steps,
            guidance_scale=model.info.guidance,
            generator=torch.Generator().manual_seed(seed),
        ).images[0]
    return image


def _embed(encoder: Encoder, images: Sequence[Image.Image]) -> Floats:
    """(n, d) unit rows in the encoder's own space."""
    pixels = np.stack([apply(encoder.preprocess, image) for image in images])
    parts = [
        encode_resilient(encoder, pixels[first : first + 16]).vectors[encoder.spaces[0].name]
        for first in range(0, len(pixels), 16)
    ]
    return np.concatenate(parts)


def _sheet(images: Sequence[Image.Image], columns: int = 8) -> Image.Image:
    side = images[0].width
    sheet = Image.new("RGB", (columns * side, -(-len(images) // columns) * side), "white")
    for number, image in enumerate(images):
        sheet.paste(image, (number % columns * side, number // columns * side))
    return sheet


def _teller(name: str, note: Callable[[], None]) -> Callable[[Event], None]:
    last = 0.0

    def tell(event: Event) -> None:
        nonlocal last
        note()
        if isinstance(event, AnalysisProgress) and time.monotonic() - last > _EVERY:
            last = time.monotonic()
            print(f"{name}: {event.doing} {event.done}/{event.total} {event.told}", flush=True)

    return tell


def _page(told: dict[str, Any], runs: dict[str, dict[str, Any]]) -> str:
    rows = [
        [
            way,
            *(f"{one[name]:.0%}" for name in ("learned", "told_apart", "stayed")),
            f"{one['cpu_seconds']:.0f} s",
        ]
        for way, one in runs.items()
    ]
    parts = [
        report.heading("Teaching the embedded generator ten photographs", told),
        report.table(["", "learned", "told apart", "stayed", "processor time"], rows),
        "\nLearned: of what the ten captions draw, the nearest example is one of the ten "
        "photographs; told apart: it is the one that was asked for. Stayed: what the names of "
        f"{KEPT} emoji draw has that emoji as its nearest. Processor "
        "time is that of a run's last start.\n",
        *(f"- {way}: {_how(one['options'])}" for way, one in runs.items() if "options" in one),
    ]
    return "\n".join(parts)


def _how(options: dict[str, Any]) -> str:
    usual = GeneratorOptions().to_dict()
    other = {name: value for name, value in options.items() if value != usual[name]}
    other["tokens"] = len(options["tokens"])
    return ", ".join(f"{name} {value}" for name, value in other.items() if value)


if __name__ == "__main__":
    main()
