"""Does a prompt find its picture? Names of emoji as prompts, searched by what they generate.

    python -m benchmarks.prompt_search [--prompts 200] [--seeds 4] [--model embedded]
    python -m benchmarks.prompt_search --photographs FOLDER

Every emoji picture (the embedded model's training set) is indexed by the embedded ViT. For each of
a seeded sample of names, the model makes one image a seed; the fused ranking of all pictures is
judged by the rank of the emoji of that name. The baseline asks with the images of another prompt:
what random generations would find. Images are kept by recipe, so a stopped run goes on.

Those pictures are what the embedded model was trained on. With ``--photographs`` prompts are also
held to real ones, of an unpacked package (see ``benchmarks.photographs``): how many of the first
ten hits show what was asked for. Both say how often the answer was vouched for, rightly and not.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine, photographs, report
from vitrail import Collection
from vitrail.generator.batch import generate_all
from vitrail.generator.checkpoints.files import find_checkpoint
from vitrail.generator.checks import Sampling
from vitrail.generator.models.pipelines import load_model
from vitrail.generator.tasks import text_to_image
from vitrail.generator.training.emoji import render
from vitrail.indexer.encoders import EMBEDDED
from vitrail.indexer.files.cache import cache_dir
from vitrail.search.options import Fusion
from vitrail.search.query import Evidence
from vitrail.service.operations.background import make_background

DEPTH = 10
VERDICTS = ("good", "doubtful", "noise")
MEANS = ("overlap", "spread", "agreement")
PICTURE = 128  # pixels, side of the indexed pictures
Rows = Mapping[str, np.ndarray[Any, np.dtype[np.float32]]]


def main() -> None:
    """Run it and write ``benchmarks/results/prompt_search``."""
    arguments = _arguments()
    result = _on_emoji(arguments)
    if arguments.photographs is not None:
        result["photographs"] = _on_photographs(arguments)
    _write(result, arguments)


def _on_emoji(arguments: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        names = _draw_pictures(Path(folder) / "pictures")
        sample = random.Random(0).sample(names, min(arguments.prompts, len(names)))
        spaces = arguments.space or None
        with Collection.create(Path(folder) / "c", checkpoint=EMBEDDED, spaces=spaces) as pictures:
            pictures.index(Path(folder) / "pictures")
            asked = {name: _ask(pictures, name, arguments) for name in sample}
            result = _judge(pictures, asked, arguments)
    result["space"] = list(next(iter(asked.values())))
    result["pictures"] = len(names)
    return result


def _on_photographs(arguments: argparse.Namespace) -> dict[str, Any]:
    """How many of the first ten hits show what was asked for, and what is said of them."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        paths = photographs.unpack(arguments.photographs, Path(folder) / "pictures")
        spaces = arguments.space or None
        with Collection.create(Path(folder) / "c", checkpoint=EMBEDDED, spaces=spaces) as pictures:
            pictures.index(Path(folder) / "pictures")
            for prompt, wanted in photographs.PROMPTS.items():
                vectors = _ask(pictures, prompt, arguments)
                found = pictures.find(
                    vectors,
                    k=DEPTH,
                    fusion="mean",
                    background=_background(pictures, prompt, arguments),
                )
                right = sum(photographs.shows(hit.paths[0], wanted) for hit in found.hits)
                there = sum(photographs.shows(str(path), wanted) for path in paths)
                rows.append(
                    {
                        "prompt": prompt,
                        "right": right,
                        "possible": min(there, DEPTH),
                        "chance": DEPTH * there / len(paths),
                        **asdict(found.evidence),
                    }
                )
    return {"pictures": len(paths), "prompts": rows}


def _background(pictures: Collection, prompt: str, arguments: argparse.Namespace) -> Rows:
    info = find_checkpoint(arguments.model)
    return make_background(pictures.encoder, info, prompt, count=32, seconds=3600.0).vectors


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=200, help="how many names")
    parser.add_argument("--seeds", type=int, default=4, help="images for each")
    parser.add_argument("--model", default="embedded", help="Stable Diffusion checkpoint")
    parser.add_argument("--space", action="append", help="embedding space; may be repeated")
    parser.add_argument("--steps", type=int, help="denoising steps")
    parser.add_argument("--photographs", type=Path, help="where their package was unpacked")
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


def _judge(
    pictures: Collection, asked: dict[str, Any], arguments: argparse.Namespace
) -> dict[str, Any]:
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
    evidence = {
        name: pictures.find(
            vectors,
            k=DEPTH,
            fusion="mean",
            background=_background(pictures, name, arguments),
        ).evidence
        for name, vectors in asked.items()
    }
    return {
        "prompts": len(asked),
        "figures": {way: _figures(list(each.values())) for way, each in ranks.items()},
        "failures": {n: r for n, r in sorted(best.items(), key=lambda x: -x[1]) if r > DEPTH},
        "where_found": _told([evidence[n] for n in found]),
        "where_not": _told([evidence[n] for n in names if n not in set(found)]),
    }


def _ranks(pictures: Collection, asked: dict[str, Any], fusion: Fusion) -> dict[str, int]:
    ranks = {}
    for name, vectors in asked.items():
        result = pictures.find(vectors, k=len(pictures.store), fusion=fusion, exact=True)
        order = [hit.metadata["name"] for hit in result.hits]
        ranks[name] = order.index(f"{name}.png") + 1 if f"{name}.png" in order else len(order) + 1
    return ranks


def _told(evidence: Sequence[Evidence]) -> dict[str, float]:
    """What the answers say of themselves: shares of verdicts, and means of the other figures."""
    count = max(1, len(evidence))
    shares = {word: sum(e.verdict == word for e in evidence) / count for word in VERDICTS}
    means = {
        name: float(np.mean([getattr(e, name) or 0.0 for e in evidence] or [0.0]))
        for name in ("overlap", "spread", "agreement")
    }
    return shares | means


def _figures(ranks: list[int]) -> dict[str, float]:
    array = np.array(ranks)
    return {
        "top_1": float((array == 1).mean()),
        "top_10": float((array <= DEPTH).mean()),
        "median_rank": float(np.median(array)),
    }


def _photograph_lines(result: dict[str, Any] | None) -> list[str]:
    if result is None:
        return []
    prompts = result["prompts"]
    right, possible, chance = (
        sum(one[key] for one in prompts) for key in ("right", "possible", "chance")
    )
    rows = [
        [
            one["prompt"],
            f"{one['right']} of {one['possible']}",
            f"{one['chance']:.1f}",
            f"{one['nearer_than']} of {one['background']}",
            str(one["verdict"]),
        ]
        for one in prompts
    ]
    vouched = [one for one in prompts if one["verdict"] == "good"]
    return [
        "## Real photographs\n",
        f"{len(prompts)} prompts among {result['pictures']} photographs that the models never saw: "
        f"of the {possible} hits in the top {DEPTH} that could be right {right} are, and chance "
        f"gives {chance:.0f}. Vouched for as good: {len(vouched)} of {len(prompts)}; as noise: "
        f"{sum(one['verdict'] == 'noise' for one in prompts)}.\n",
        report.table(
            ["prompt", "right in the top 10", "by chance", "nearer than unrelated", "verdict"], rows
        ),
        "",
    ]


def _write(result: dict[str, Any], arguments: argparse.Namespace) -> None:
    described = machine.describe(machine.command_line("benchmarks.prompt_search"))
    rows = [
        [way, f"{f['top_1']:.1%}", f"{f['top_10']:.1%}", f"{f['median_rank']:.0f}"]
        for way, f in result["figures"].items()
    ]
    failures = ", ".join(f"{name} ({rank})" for name, rank in result["failures"].items())
    told = [
        [where, *(f"{result[key][name]:.0%}" for name in (*VERDICTS, *MEANS))]
        for where, key in (("found", "where_found"), ("not found", "where_not"))
    ]
    page = "\n".join(
        [
            report.heading("Prompts that find their picture", described),
            f"{result['prompts']} names as prompts, {arguments.seeds} seeds each, ranked among "
            f"{result['pictures']:,} pictures by {', '.join(result['space'])}; chance in the top "
            f"10 is {DEPTH / result['pictures']:.1%}.\n",
            report.table(["asked with", "top 1", "top 10", "median rank"], rows),
            "\nWhat the answer says of itself, where the picture was in the top 10 and where not. "
            "Overlap is the share of hits that the seeds have in common, spread how far their "
            "images differ, and agreement the product of both.\n",
            report.table(["", *VERDICTS, *MEANS], told),
            "",
            f"Not in the top 10 (rank): {failures or 'none'}.\n",
            *_photograph_lines(result.get("photographs")),
        ]
    )
    report.write("prompt_search", {"machine": described, **result}, page)


if __name__ == "__main__":
    main()
