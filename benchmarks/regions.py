"""What a part of an image finds: cut out (a box), or seen within the whole (a region).

    python -m benchmarks.regions

Over the examples, by the embedded encoder. *Own*: a square part of an image, somewhere within it;
found is the image that it is a part of. *Pasted*: a part of a collage of four or nine images; found
is the image that was pasted there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import machine, report
from benchmarks.vectors import cache_folder
from vitrail import Collection

EXAMPLES = Path(__file__).parent.parent / "examples"
SPACES = ("gem@9", "mean@6")
SIDE = 504
ENDINGS = {".jpg", ".png", ".webp"}
COLUMNS = ("part", "space", "way", "first", "in ten")

Part = tuple[int, int, int, int]
Asked = tuple[Image.Image, Part, str]
"""An image, the part of it that is asked with, and the name of the image to be found."""


@dataclass(frozen=True, slots=True)
class Result:
    """How often the right image was found.

    Attributes:
        part: of what.
        space: that was asked in.
        way: ``box`` or ``region``.
        first: share of questions whose first hit it was.
        ten: share of questions that had it among ten hits.
    """

    part: str
    space: str
    way: str
    first: float
    ten: float


def own(files: list[Path], share: float, random: np.random.Generator) -> Iterator[Asked]:
    """A square part of each image, whose side is a share of the shortest one's."""
    for file in files:
        image = _opened(file)
        shortest = min(image.size)
        side = int(share * shortest)
        left, top = (
            (length - shortest) // 2 + int(random.integers(shortest - side))
            for length in image.size
        )
        yield image, (left, top, side, side), file.name


def pasted(files: list[Path], across: int, random: np.random.Generator) -> Iterator[Asked]:
    """Each image somewhere in a collage with others."""
    side = SIDE // across
    for file in files:
        chosen = random.choice(len(files), across**2, replace=False)
        others = [files[number] for number in chosen if files[number] != file]
        place = int(random.integers(across**2))
        tiles = [*others[:place], file, *others[place:]][: across**2]
        collage = Image.new("RGB", (SIDE, SIDE))
        for number, tile in enumerate(tiles):
            corner = number % across * side, number // across * side
            collage.paste(_opened(tile).resize((side, side)), corner)
        at = tiles.index(file)
        yield collage, (at % across * side, at // across * side, side, side), file.name


def measure(collection: Collection, files: list[Path], seed: int) -> Iterator[Result]:
    """Both ways of asking, for each kind of part and space."""
    kinds: dict[str, Callable[[np.random.Generator], Iterator[Asked]]] = {
        "own, 1/4 of the side": lambda random: own(files, 0.25, random),
        "own, 1/2 of the side": lambda random: own(files, 0.5, random),
        "pasted, 1 of 4": lambda random: pasted(files, 2, random),
        "pasted, 1 of 9": lambda random: pasted(files, 3, random),
    }
    for kind, ask in kinds.items():
        asked = list(ask(np.random.default_rng(seed)))
        for space in SPACES:
            for way in ("box", "region"):
                ranks = [_rank(collection, one, space, way) for one in asked]
                first, ten = (float(np.mean([r <= most for r in ranks])) for most in (1, 10))
                yield Result(kind, space, way, first, ten)


def _rank(collection: Collection, asked: Asked, space: str, way: str) -> int:
    image, part, name = asked
    weights = {space: 1.0}
    if way == "box":
        hits = collection.search(image, box=part, k=10, spaces=weights).hits
    else:
        hits = collection.search(image, region=part, k=10, spaces=weights).hits
    names = [Path(hit.paths[0]).name for hit in hits]
    return names.index(name) + 1 if name in names else 11


def _opened(file: Path) -> Image.Image:
    """Upright, on white where it is transparent, as indexing has it."""
    image = Image.open(file).convert("RGBA")
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image)
    return ground.convert("RGB")


def _collection() -> Collection:
    """The examples, indexed once."""
    place = cache_folder() / "regions"
    if not place.exists():
        with Collection.create(place, checkpoint="dinov2-small-focus", spaces=list(SPACES)) as made:
            made.index(EXAMPLES)
    return Collection.open(place)


def main() -> None:
    parser = argparse.ArgumentParser(description="regions beside boxes; see the module's text")
    parser.add_argument("--images", type=int, default=40, help="asked with, of each kind of part")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    options = parser.parse_args()
    files = sorted(one for one in EXAMPLES.rglob("*") if one.suffix in ENDINGS)
    chosen = np.random.default_rng(options.seed).choice(len(files), options.images, replace=False)
    with _collection() as collection:
        some = [files[number] for number in chosen]
        results = list(measure(collection, some, options.seed))
    about = machine.describe(machine.command_line("benchmarks.regions"))
    rows = [[r.part, r.space, r.way, f"{r.first:.0%}", f"{r.ten:.0%}"] for r in results]
    text = (
        f"{options.images} questions a row, {len(files)} images: how often the right one was "
        "first, or among ten.\n"
    )
    page = "\n".join([report.heading("Regions", about), text, report.table(COLUMNS, rows), ""])
    content = {"machine": about, "results": [asdict(one) for one in results]}
    report.write("regions", content, page, options.results)


if __name__ == "__main__":
    main()
