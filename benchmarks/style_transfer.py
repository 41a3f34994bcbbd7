"""What style transfer does to a picture, by its strength: latents, early and late ViT layers.

    python -m benchmarks.style_transfer [--model embedded]

Pictures of things are given the style of others at rising strengths. Two things are measured of
each result: how far the channels' statistics of its latents still are from the style's, and how
alike it is to the style and to the content for an early layer of the embedded ViT, which sees
colour and texture, and for a late one, which sees what is shown. Images are kept by recipe, so a
stopped run goes on. Writes the results, the plot and a sheet of examples under ``docs/images``.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks import machine, report
from vitrail.generator.batch import generate_all
from vitrail.generator.checkpoints.files import find_checkpoint
from vitrail.generator.checks import Sampling
from vitrail.generator.images import InputImage
from vitrail.generator.models.pipelines import DiffusionModel, load_model
from vitrail.generator.tasks import style
from vitrail.generator.tasks.denoising import encode
from vitrail.generator.tasks.sizes import resize
from vitrail.generator.training.emoji import render
from vitrail.indexer.encoders import EMBEDDED, EncoderSettings, load_encoder
from vitrail.indexer.files.cache import cache_dir
from vitrail.indexer.images.preprocess import apply

STRENGTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
CONTENTS = ("red apple", "cat face", "rocket", "house", "sailboat", "hot beverage")
STYLES = ("fire", "water wave", "green heart", "chocolate bar", "new moon", "cherry blossom")
SPACES = {"early": "mean@2", "late": "gem@9"}
_SIDE = 128  # pixels of the pictures that are given

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Made:
    """The result of one content, style and strength."""

    content: str
    style: str
    strength: float
    image: Image.Image


def main() -> None:
    """Run it and write ``benchmarks/results/style_transfer`` and the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="embedded", help="Stable Diffusion checkpoint")
    parser.add_argument("--content-strength", type=float, default=0.4)
    parser.add_argument("--pictures", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    drawn = {p.emoji.name: p.image for p in render(_SIDE)}
    given = {name: _picture(drawn[name]) for name in (*CONTENTS, *STYLES)}
    model = load_model(find_checkpoint(options.model))
    made = _make(model, given, options.content_strength)
    result = {
        "statistics": _statistics(model, made, given),
        **_similarities(made, given, list(drawn.values())),
    }
    _draw_plot(result, options.pictures / "style-transfer-strength.png")
    _draw_sheet(made, given, options.pictures / "style-transfer.png")
    _write(result, len(CONTENTS) * len(STYLES), options.content_strength)


def _picture(image: Image.Image) -> InputImage:
    return InputImage(image, hashlib.sha256(image.tobytes()).hexdigest())


def _make(
    model: DiffusionModel, given: dict[str, InputImage], content_strength: float
) -> list[Made]:
    folder = cache_dir() / "benchmarks" / "styles"
    made = []
    for content in CONTENTS:
        for look in STYLES:
            pictures = {"content": given[content], "style": given[look]}
            recipes = [
                style.plan(
                    model.info,
                    content,
                    given[content],
                    given[look],
                    style_strength=strength,
                    content_strength=content_strength,
                    sampling=Sampling(),
                )[0]
                for strength in STRENGTHS
            ]
            files = generate_all(recipes, folder, model, inputs=pictures)
            for strength, file in zip(STRENGTHS, files, strict=True):
                with Image.open(file.path) as image:
                    made.append(Made(content, look, strength, image.convert("RGB")))
    return made


def _statistics(
    model: DiffusionModel, made: Sequence[Made], given: dict[str, InputImage]
) -> list[float]:
    """Mean distance of the latents' statistics to the style's, over that at strength 0."""
    size = made[0].image.size
    wanted = {name: _moments(model, resize(given[name].image, size)) for name in STYLES}
    distances: dict[float, list[float]] = {strength: [] for strength in STRENGTHS}
    for one in made:
        own = _moments(model, one.image)
        distances[one.strength].append(float(np.linalg.norm(own - wanted[one.style])))
    start = np.mean(distances[0.0])
    return [float(np.mean(distances[strength]) / start) for strength in STRENGTHS]


def _moments(model: DiffusionModel, image: Image.Image) -> Floats:
    latents = encode(model, image).float()
    parts = (latents.mean((-2, -1)), latents.std((-2, -1), correction=0))
    return np.concatenate([part.flatten().numpy() for part in parts]).astype(np.float32)


def _similarities(
    made: Sequence[Made], given: dict[str, InputImage], everything: Sequence[Image.Image]
) -> dict[str, dict[str, list[float]]]:
    """Mean cosines to the style and to the content, a list by strength for each layer.

    Vectors are taken from the mean of all pictures, without which any two are nearly alike.
    """
    encoder = load_encoder(EncoderSettings(EMBEDDED, spaces=tuple(SPACES.values())))

    def embed(images: Sequence[Image.Image]) -> dict[str, Floats]:
        rows: dict[str, list[Floats]] = {space: [] for space in SPACES.values()}
        for start in range(0, len(images), 8):
            part = images[start : start + 8]
            pixels = np.stack([apply(encoder.preprocess, image) for image in part])
            for space, vectors in encoder.encode(pixels).vectors.items():
                rows[space].append(vectors)
        return {space: np.concatenate(parts) for space, parts in rows.items()}

    centre = {space: rows.mean(axis=0) for space, rows in embed(everything[::5]).items()}
    # The pictures given are shown at the size of the results, whose softness is not the style's.
    size = made[0].image.size
    known = embed([resize(given[name].image, size) for name in given])
    results = embed([one.image for one in made])
    places = {name: place for place, name in enumerate(given)}
    found: dict[str, dict[str, list[float]]] = {}
    for layer, space in SPACES.items():
        own = _centred(results[space], centre[space])
        theirs = _centred(known[space], centre[space])
        for whom in ("style", "content"):
            others = theirs[[places[getattr(one, whom)] for one in made]]
            cosines = (own * others).sum(axis=1)
            found.setdefault(whom, {})[layer] = [
                float(cosines[[one.strength == strength for one in made]].mean())
                for strength in STRENGTHS
            ]
    return found


def _centred(rows: Floats, centre: Floats) -> Floats:
    moved = rows - centre
    unit: Floats = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return unit


def _draw_plot(result: dict[str, Any], target: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 3.4), layout="constrained")
    first, second, third = figure.subplots(1, 3)
    first.plot(STRENGTHS, result["statistics"], marker="o", color="tab:gray")
    first.set(title="distance to the style's statistics", ylabel="of that at strength 0", ylim=0)
    for axis, whom in ((second, "style"), (third, "content")):
        for layer, space in SPACES.items():
            label = f"{layer} layer, {space}"
            axis.plot(STRENGTHS, result[whom][layer], marker="o", label=label)
        axis.set(title=f"likeness to the {whom}", ylabel="centred cosine")
        axis.legend(frameon=False, fontsize=8)
    for axis in (first, second, third):
        axis.set_xlabel("style strength")
        axis.spines[["top", "right"]].set_visible(False)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=110)


def _draw_sheet(made: Sequence[Made], given: dict[str, InputImage], target: Path) -> None:
    """Six contents, each with another style: content, style, then the results by strength."""
    side, gap, top = 96, 6, 18
    rows = list(zip(CONTENTS[: len(STYLES)], STYLES, strict=True))
    columns = 2 + len(STRENGTHS)
    size = (columns * (side + gap) + gap, top + len(rows) * (side + gap))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    titles = ["content", "style", *(f"{strength:g}" for strength in STRENGTHS)]
    for column, title in enumerate(titles):
        draw.text((gap + column * (side + gap), 3), title, fill="black")
    for row, (content, look) in enumerate(rows):
        images = [given[content].image, given[look].image]
        images += [one.image for one in made if (one.content, one.style) == (content, look)]
        for column, image in enumerate(images):
            place = (gap + column * (side + gap), top + row * (side + gap))
            sheet.paste(image.resize((side, side), Image.Resampling.BICUBIC), place)
    sheet.save(target, optimize=True)


def _write(result: dict[str, Any], pairs: int, content_strength: float) -> None:
    described = machine.describe(machine.command_line("benchmarks.style_transfer"))
    rows = [
        [
            f"{strength:g}",
            f"{result['statistics'][place]:.2f}",
            *(
                f"{result[whom][layer][place]:.2f}"
                for whom in ("style", "content")
                for layer in SPACES
            ),
        ]
        for place, strength in enumerate(STRENGTHS)
    ]
    columns = ["style strength", "statistics' distance"]
    columns += [f"{layer} to {whom}" for whom in ("style", "content") for layer in SPACES]
    spaces = ", ".join(f"{layer} is `{space}`" for layer, space in SPACES.items())
    page = "\n".join(
        [
            report.heading("Style transfer by its strength", described),
            f"Means over {pairs} pairs of a content and a style, at content strength "
            f"{content_strength:g}. The distance is that of the latent channels' means and "
            "deviations to the style's, over that at strength 0. Likeness is the cosine of vectors "
            f"less the mean of all pictures; {spaces}.\n",
            report.table(columns, rows),
            "",
        ]
    )
    measured = {"strengths": STRENGTHS, "spaces": SPACES, "pairs": pairs, **result}
    report.write("style_transfer", {"machine": described, **measured}, page)


if __name__ == "__main__":
    main()
