"""Draws the example pictures: ``python examples/render.py`` (needs the font and ``emoji``)."""

from __future__ import annotations

import argparse
from pathlib import Path

from vitrail.generator.training.emoji import Renderer, list_emoji

SIZE = 128
HERE = Path(__file__).parent
KINDS = HERE / "kinds.txt"


def read_kinds(path: Path = KINDS) -> dict[str, list[str]]:
    """Return the emoji's slugs by kind, in the order of the list."""
    kinds: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            kind, names = line.split(":")
            kinds[kind.strip()] = names.split()
    return kinds


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the example pictures.")
    parser.add_argument("--to", type=Path, default=HERE, help="folder to write to")
    parser.add_argument("--font", help="Noto colour emoji font; searched for by default")
    options = parser.parse_args()
    renderer = Renderer(options.font)
    known = {emoji.slug: emoji for emoji in list_emoji()}
    for kind, slugs in read_kinds().items():
        folder = options.to / kind
        folder.mkdir(parents=True, exist_ok=True)
        for slug in slugs:
            image = renderer.draw(known[slug].characters, SIZE)
            if image is None:
                raise SystemExit(f"the font has no picture of {slug}")
            image.save(folder / f"{slug}.webp", quality=85, method=6)


if __name__ == "__main__":
    main()
