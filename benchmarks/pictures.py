"""Picture sets for the benchmarks, composed from the examples and made once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import platformdirs
from PIL import Image, ImageFilter

EXAMPLES = Path(__file__).parents[1] / "examples"
PHOTO = (2048, 1536)


def cache_folder() -> Path:
    """Where picture sets, checkpoints and collections are kept between runs."""
    return Path(platformdirs.user_cache_path("vitrail")) / "benchmarks"


def photos(count: int, size: tuple[int, int] = PHOTO) -> Path:
    """A folder of ``count`` distinct JPEGs of a photograph's size and weight.

    Each is a blurred, enlarged example as the ground, several enlarged ones on it, and sensor
    noise, so that decoding costs what a photograph's does.
    """
    folder = cache_folder() / f"photos-{size[0]}x{size[1]}-{count}"
    return _made(folder, count, lambda rng, path: _photo(rng, size).save(path, quality=90))


def moved_photos(count: int, composed: int) -> Path:
    """Likewise, but each of ``photos(composed)`` several times, moved in a circle.

    To compose one takes a second; these are as distinct and decode as slowly.
    """
    named = f"moved-photos-{PHOTO[0]}x{PHOTO[1]}-{count}-of-{composed}"
    sources = sorted(photos(composed).iterdir())

    def save(rng: np.random.Generator, path: Path) -> None:
        with Image.open(sources[int(path.stem) % composed]) as image:
            pixels = np.roll(np.asarray(image), rng.integers(0, 1000, 2), axis=(0, 1))
        Image.fromarray(pixels).save(path, quality=90)

    return _made(cache_folder() / named, count, save)


def small(count: int, side: int) -> Path:
    """A folder of ``count`` distinct square JPEGs of ``side`` pixels."""
    folder = cache_folder() / f"small-{side}-{count}"
    return _made(folder, count, lambda rng, path: _photo(rng, (side, side)).save(path, quality=85))


def _made(folder: Path, count: int, save: Callable[[np.random.Generator, Path], None]) -> Path:
    if folder.is_dir():
        return folder
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for number in range(count):
        save(np.random.default_rng(number), partial / f"{number:06}.jpg")
    os.rename(partial, folder)
    return folder


def _photo(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    return compose(rng, size, _examples())


def compose(
    rng: np.random.Generator, size: tuple[int, int], parts: Sequence[Image.Image]
) -> Image.Image:
    """A blurred, enlarged image as the ground, several enlarged ones on it, and sensor noise."""
    width, height = size
    side = max(size)
    ground = _drawn(rng, parts).resize((side, side), Image.Resampling.BICUBIC)
    canvas = ground.filter(ImageFilter.GaussianBlur(side / 30)).crop((0, 0, width, height))
    for _ in range(int(rng.integers(3, 8))):
        edge = int(rng.integers(max(2, side // 8), max(3, side // 2)))
        glyph = _drawn(rng, parts).resize((edge, edge), Image.Resampling.BICUBIC)
        glyph = glyph.rotate(float(rng.uniform(-30, 30)), Image.Resampling.BICUBIC)
        place = (int(rng.integers(-edge // 3, width)), int(rng.integers(-edge // 3, height)))
        mask = glyph.convert("L").point(lambda value: 255 * (value > 8))
        canvas.paste(glyph, place, mask)
    pixels = np.asarray(canvas, np.int16) + rng.integers(-6, 7, (height, width, 1), np.int16)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


_opened: list[Image.Image] = []


def _examples() -> list[Image.Image]:
    if not _opened:
        for path in sorted(EXAMPLES.glob("*/*.webp")):
            with Image.open(path) as image:
                _opened.append(image.convert("RGB"))
    return _opened


def _drawn(rng: np.random.Generator, parts: Sequence[Image.Image]) -> Image.Image:
    return parts[int(rng.integers(len(parts)))]
