"""What style transfer gives of the style and leaves of the content, by method and strength.

    python -m benchmarks.style_transfer [--model embedded] [--ip-adapter FILE]

Images of things are given the style of others: by the statistics of latents, by attention, and by
an IP-Adapter where one is given. Two things are measured of each result: how far it is from the
style, by Gram matrices of early layers of the embedded ViT, which see colour and texture, over how
far the content is by itself; and how much it is still the content, by the patches of a late layer,
which sees what is shown where. Images are kept by recipe, so a stopped run goes on. Writes the
results, the plot and a sheet of examples under ``docs/images``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from benchmarks import machine, report
from benchmarks.style_measures import LATE, Layers, content_kept, patches, style_distance
from vitrail.generator.adapters.ip_adapters import IPAdapterFile, choose_ip_adapter
from vitrail.generator.batch import generate_all
from vitrail.generator.checkpoints.files import find_checkpoint
from vitrail.generator.images import InputImage
from vitrail.generator.models.pipelines import DiffusionModel, load_model
from vitrail.generator.tasks import style
from vitrail.generator.tasks.sizes import resize
from vitrail.generator.training.emoji import render
from vitrail.indexer.encoders import EMBEDDED, EncoderSettings, load_encoder
from vitrail.indexer.files.cache import cache_dir
from vitrail.indexer.recipes.recipe import Recipe

CONTENTS = ("cat face", "rocket", "sailboat", "hot beverage", "house", "red apple")
STYLES = ("water wave", "green heart", "new moon", "cherry blossom", "chocolate bar", "fire")
_SIDE = 128  # pixels of the images that are given
_CENTRES = 100  # other images, whose mean tokens are taken off


@dataclass(frozen=True)
class Setting:
    """One way to ask for a style.

    Attributes:
        name: what the table calls the method.
        method: as ``style.plan`` takes it.
        style_strength: 0 to 1.
        content_strength: 0 to 1.
        query_kept: 0 to 1, by attention.
        adapted: with the IP-Adapter.
    """

    name: str
    method: str
    style_strength: float
    content_strength: float
    query_kept: float | None = None
    adapted: bool = False


@dataclass(frozen=True)
class Made:
    """The result of one content, style and setting."""

    content: str
    style: str
    setting: Setting
    image: Image.Image


SETTINGS = (
    *(Setting("statistics", "statistics", s, 0.4) for s in (0.0, 0.4, 0.7, 1.0)),
    *(Setting("statistics", "statistics", 1.0, c) for c in (0.0, 0.2, 0.6, 0.8)),
    *(Setting("attention", "attention", s, 0.8, 0.3) for s in (0.0, 0.4, 0.7, 1.0)),
    Setting("attention", "attention", 1.0, 0.8, 0.75),
)
ADAPTED = tuple(
    Setting("IP-Adapter", "statistics", s, c, adapted=True)
    for s, c in ((0.0, 0.4), (1.0, 0.4), (1.0, 0.8))
)
SHOWN = (SETTINGS[3], *SETTINGS[9:12])
"""The settings on the sheet of examples."""


def main() -> None:
    """Run it and write ``benchmarks/results/style_transfer`` and the images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="embedded", help="Stable Diffusion checkpoint")
    parser.add_argument("--ip-adapter", help="safetensors file or directory, for --model")
    parser.add_argument("--pairs", type=int, default=6, help="1 to 36")
    parser.add_argument("--images", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    drawn = {p.emoji.name: p.image for p in render(_SIDE)}
    given = {name: _given(drawn[name]) for name in (*CONTENTS, *STYLES)}
    info = find_checkpoint(options.model)
    adapter = None
    if options.ip_adapter is not None:
        adapter = choose_ip_adapter(info, options.ip_adapter, None)
    settings = (*SETTINGS, *(ADAPTED if adapter else ()))
    made = _make(load_model(info), given, settings, _pairs(options.pairs), adapter)
    results = _measured(made, given, settings, list(drawn.values())[:: len(drawn) // _CENTRES])
    _draw_plot(results, options.images / "style-transfer-strength.png")
    _draw_sheet(made, given, options.images / "style-transfer.png")
    _write(results, options.pairs)


def _given(image: Image.Image) -> InputImage:
    return InputImage(image, hashlib.sha256(image.tobytes()).hexdigest())


def _pairs(count: int) -> list[tuple[str, str]]:
    """Each content with one style, then each with the next, and so on."""
    turned = (
        (content, STYLES[(place + turn) % len(STYLES)])
        for turn in range(len(STYLES))
        for place, content in enumerate(CONTENTS)
    )
    return list(turned)[:count]


def _make(
    model: DiffusionModel,
    given: dict[str, InputImage],
    settings: Sequence[Setting],
    pairs: Sequence[tuple[str, str]],
    adapter: IPAdapterFile | None,
) -> list[Made]:
    folder = cache_dir() / "benchmarks" / "styles"
    made = []
    for content, look in pairs:
        inputs = {"content": given[content], "style": given[look]}
        recipes = [_recipe(model, content, inputs, one, adapter) for one in settings]
        files = generate_all(recipes, folder, model, inputs=inputs)
        for setting, file in zip(settings, files, strict=True):
            with Image.open(file.path) as image:
                made.append(Made(content, look, setting, image.convert("RGB")))
        print(f"{content} in the style of {look}", flush=True)
    return made


def _recipe(
    model: DiffusionModel,
    prompt: str,
    inputs: dict[str, InputImage],
    setting: Setting,
    adapter: IPAdapterFile | None,
) -> Recipe:
    return style.plan(
        model.info,
        prompt,
        inputs["content"],
        inputs["style"],
        method=setting.method,
        style_strength=setting.style_strength,
        content_strength=setting.content_strength,
        query_kept=setting.query_kept,
        ip_adapter=adapter if setting.adapted else None,
    )[0]


def _measured(
    made: Sequence[Made],
    given: dict[str, InputImage],
    settings: Sequence[Setting],
    others: Sequence[Image.Image],
) -> list[dict[str, Any]]:
    """For each setting means over the pairs: distance to the style, and content kept."""
    encoder = load_encoder(EncoderSettings(EMBEDDED, spaces=("gem@9",)))
    centre = np.mean([one[LATE].mean((0, 1)) for one in patches(encoder, others)], axis=0)
    # The images given are shown at the size of the results, whose softness is not the style's.
    size = made[0].image.size
    known = dict(
        zip(
            given,
            patches(encoder, [resize(one.image, size) for one in given.values()]),
            strict=True,
        )
    )
    tokens = patches(encoder, [one.image for one in made])
    rows = []
    for setting in settings:
        mine = [
            (one, seen) for one, seen in zip(made, tokens, strict=True) if one.setting == setting
        ]
        distances = [_distance(one, seen, given, known) for one, seen in mine]
        kept = [
            content_kept(seen, known[one.content], given[one.content].image, centre)
            for one, seen in mine
        ]
        rows.append(
            {
                "method": setting.name,
                "style_strength": setting.style_strength,
                "content_strength": setting.content_strength,
                "query_kept": setting.query_kept,
                "style_distance": float(np.mean(distances)),
                "content_kept": float(np.mean(kept)),
            }
        )
    return rows


def _distance(
    one: Made, seen: Layers, given: dict[str, InputImage], known: dict[str, Layers]
) -> float:
    """To the style, of that of the content as it was."""
    content, look = given[one.content].image, given[one.style].image
    before = style_distance(known[one.content], content, known[one.style], look)
    return style_distance(seen, content, known[one.style], look) / before


_LINES = (
    ("statistics, by style strength", "statistics", "content_strength", 0.4, "tab:gray"),
    ("statistics, by content strength", "statistics", "style_strength", 1.0, "tab:olive"),
    ("attention, by style strength", "attention", "query_kept", 0.3, "tab:red"),
    ("IP-Adapter", "IP-Adapter", "style_strength", 1.0, "tab:blue"),
)


def _draw_plot(results: Sequence[dict[str, Any]], target: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axis = figure.subplots()
    for label, method, held, value, colour in _LINES:
        rows = [row for row in results if row["method"] == method and row[held] == value]
        rows.sort(key=lambda row: -row["content_kept"])
        points = [[row[what] for row in rows] for what in ("content_kept", "style_distance")]
        if rows:
            axis.plot(*points, marker="o", linewidth=1, color=colour, label=label)
    axis.set(xlabel="content kept (late layer)", ylabel="distance to the style (early layers)")
    axis.invert_xaxis()
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=110)


def _draw_sheet(made: Sequence[Made], given: dict[str, InputImage], target: Path) -> None:
    """Six contents, each with another style: content, style, then what is shown of the results."""
    side, gap, top = 112, 8, 22
    rows = _pairs(min(len(CONTENTS), len(made) // len({one.setting for one in made})))
    columns = 2 + len(SHOWN)
    size = (columns * (side + gap) + gap, top + len(rows) * (side + gap))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    titles = ["content", "style", *(f"{one.name} {one.style_strength:g}" for one in SHOWN)]
    for column, title in enumerate(titles):
        draw.text((gap + column * (side + gap), 5), title, fill="black")
    found = {(one.content, one.style, one.setting): one.image for one in made}
    for row, (content, look) in enumerate(rows):
        images = [given[content].image, given[look].image]
        images += [found[content, look, setting] for setting in SHOWN]
        for column, image in enumerate(images):
            place = (gap + column * (side + gap), top + row * (side + gap))
            sheet.paste(image.resize((side, side), Image.Resampling.BICUBIC), place)
    sheet.save(target, optimize=True)


def _write(results: Sequence[dict[str, Any]], pairs: int) -> None:
    described = machine.describe(machine.command_line("benchmarks.style_transfer"))
    load = os.getloadavg()[0]
    rows = [
        [
            row["method"],
            f"{row['style_strength']:g}",
            f"{row['content_strength']:g}",
            "" if row["query_kept"] is None else f"{row['query_kept']:g}",
            f"{row['style_distance']:.2f}",
            f"{row['content_kept']:.2f}",
        ]
        for row in results
    ]
    columns = ["method", "style strength", "content strength", "query kept"]
    page = "\n".join(
        [
            report.heading("Style transfer by method and strength", described),
            f"Means over {pairs} pairs of a content and a style; load average {load:.0f}, which "
            "slows and changes nothing that is measured. The distance to the style is that of "
            "Gram matrices of the early layers' patches, over that of the content as it was. "
            "Content kept is the mean cosine of a late layer's patches to the content's at the "
            "same places, less the mean of other images. White ground is left out of both.\n",
            report.table([*columns, "distance to the style", "content kept"], rows),
            "",
        ]
    )
    content = {"machine": described, "load": load, "pairs": pairs, "results": list(results)}
    report.write("style_transfer", content, page)


if __name__ == "__main__":
    main()
