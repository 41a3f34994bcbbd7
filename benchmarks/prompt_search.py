"""Does a prompt find its picture? Names of emoji as prompts, searched by what they generate.

    python -m benchmarks.prompt_search [--prompts 200] [--seeds 4] [--model embedded]

Every emoji picture (the embedded model's training set) is indexed by the embedded ViT. For each of
a seeded sample of names, the model makes one image a seed; the fused ranking of all pictures is
judged by the rank of the emoji of that name. The baseline asks with the images of another prompt:
what random generations would find. Images are kept by recipe, so a stopped run goes on.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine, report
from generator import text_to_image
from generator.batch import generate_all
from generator.checkpoint_files import find_checkpoint
from generator.checks import Sampling
from generator.pipelines import load_model
from generator.training.emoji import render
from indexer.encoders import EMBEDDED
from indexer.encoders.storage import cache_dir
from search import Collection
from search.query import Fusion

DEPTH = 10
PICTURE = 128  # pixels, side of the indexed pictures
Rows = Mapping[str, Sequence[np.ndarray[Any, np.dtype[np.float32]]]]


def main() -> None:
    """Run it and write ``benchmarks/results/prompt_search``."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        names = _draw_pictures(Path(folder) / "pictures")
        sample = random.Random(0).sample(names, min(arguments.prompts, len(names)))
        spaces = arguments.space or None
        with Collection.create(Path(folder) / "c", checkpoint=EMBEDDED, spaces=spaces) as pictures:
            pictures.index(Path(folder) / "pictures")
            asked = {name: _ask(pictures, name, arguments) for name in sample}
            result = _judge(pictures, asked)
    result["space"] = list(next(iter(asked.values())))
    result["pictures"] = len(names)
    _write(result, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=200, help="how many names")
    parser.add_argument("--seeds", type=int, default=4, help="images for each")
    parser.add_argument("--model", default="embedded", help="Stable Diffusion checkpoint")
    parser.add_argument("--space", action="append", help="embedding space; may be repeated")
    parser.add_argument("--steps", type=int, help="denoising steps")
    parser.add_argument("--guidance", type=float, help="weight of classifier-free guidance")
    return parser.parse_args()


def _draw_pictures(folder: Path) -> list[str]:
    """Write each picture as NAME.png, less doubled names and those that are no file name."""
    folder.mkdir(parents=True)
    names = []
    for picture in render(PICTURE):
        file = folder / f"{picture.emoji.name}.png"
        if "/" not in picture.emoji.name and not file.exists():
            picture.image.save(file)
            names.append(picture.emoji.name)
    return names


def _ask(
    pictures: Collection, name: str, arguments: argparse.Namespace
) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    info = find_checkpoint(arguments.model)
    sampling = Sampling(n=arguments.seeds, steps=arguments.steps, guidance=arguments.guidance)
    recipes = text_to_image.plan(info, name, sampling=sampling)
    folder = cache_dir() / "benchmarks" / "prompts"
    files = list(generate_all(recipes, folder, lambda: load_model(info)))
    return pictures.embed(*(file.path for file in files))


def _judge(pictures: Collection, asked: dict[str, Any]) -> dict[str, Any]:
    names = list(asked)
    shifted = dict(zip(names, [asked[name] for name in names[1:] + names[:1]], strict=True))
    single = {name: {s: rows[:1] for s, rows in vectors.items()} for name, vectors in asked.items()}
    ranks = {
        "mean of the seeds": _ranks(pictures, asked, "mean"),
        "reciprocal ranks": _ranks(pictures, asked, "rrf"),
        "one seed": _ranks(pictures, single, "mean"),
        "another prompt's images": _ranks(pictures, shifted, "mean"),
    }
    best = ranks["mean of the seeds"]
    found = sorted(name for name, rank in best.items() if rank <= DEPTH)
    overlap = _overlaps(pictures, asked)
    return {
        "prompts": len(asked),
        "figures": {way: _figures(list(each.values())) for way, each in ranks.items()},
        "failures": {n: r for n, r in sorted(best.items(), key=lambda x: -x[1]) if r > DEPTH},
        "agreement_where_found": _mean([overlap[n] for n in found]),
        "agreement_where_not": _mean([overlap[n] for n in names if n not in set(found)]),
    }


def _ranks(pictures: Collection, asked: dict[str, Any], fusion: Fusion) -> dict[str, int]:
    ranks = {}
    for name, vectors in asked.items():
        result = pictures.find(vectors, k=len(pictures.store), fusion=fusion, exact=True)
        order = [hit.metadata["name"] for hit in result.hits]
        ranks[name] = order.index(f"{name}.png") + 1 if f"{name}.png" in order else len(order) + 1
    return ranks


def _overlaps(pictures: Collection, asked: dict[str, Any]) -> dict[str, float]:
    found = {
        name: pictures.find(vectors, k=DEPTH, fusion="mean").agreement
        for name, vectors in asked.items()
    }
    return {name: value for name, value in found.items() if value is not None}


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _figures(ranks: list[int]) -> dict[str, float]:
    array = np.array(ranks)
    return {
        "top_1": float((array == 1).mean()),
        "top_10": float((array <= DEPTH).mean()),
        "median_rank": float(np.median(array)),
    }


def _write(result: dict[str, Any], arguments: argparse.Namespace) -> None:
    described = machine.describe(machine.command_line("benchmarks.prompt_search"))
    rows = [
        [way, f"{f['top_1']:.1%}", f"{f['top_10']:.1%}", f"{f['median_rank']:.0f}"]
        for way, f in result["figures"].items()
    ]
    failures = ", ".join(f"{name} ({rank})" for name, rank in result["failures"].items())
    agreements = [
        f"{value:.0%}" if value is not None else "none"
        for value in (result["agreement_where_found"], result["agreement_where_not"])
    ]
    page = "\n".join(
        [
            report.heading("Prompts that find their picture", described),
            f"{result['prompts']} names as prompts, {arguments.seeds} seeds each, ranked among "
            f"{result['pictures']:,} pictures by {', '.join(result['space'])}; chance in the top "
            f"10 is {DEPTH / result['pictures']:.1%}.\n",
            report.table(["asked with", "top 1", "top 10", "median rank"], rows),
            f"\nAgreement between the seeds: {agreements[0]} where the picture was found in the "
            f"top 10, {agreements[1]} where it was not.\n",
            f"Not in the top 10 (rank): {failures or 'none'}.\n",
        ]
    )
    report.write("prompt_search", {"machine": described, **result}, page)


if __name__ == "__main__":
    main()
