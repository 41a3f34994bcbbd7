"""Images seen anew each time: cropped, mirrored, recoloured, compressed; Pillow and NumPy alone."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from vitrail.indexer.training.learning_options import Augmentation


@dataclass(frozen=True, slots=True)
class Strength:
    """How much is done.

    Attributes:
        area: least share of the image's area that a crop keeps.
        colour: how far brightness, contrast and saturation are from 1, at most.
        grey: share of images that lose their colours.
        compressed: share of images that go through a JPEG of quality 30 to 80.
        erased: share of images of which a rectangle is painted over.
    """

    area: float
    colour: float
    grey: float
    compressed: float
    erased: float


STRENGTHS: dict[Augmentation, Strength] = {
    "light": Strength(area=0.5, colour=0.2, grey=0.05, compressed=0.1, erased=0.0),
    "strong": Strength(area=0.25, colour=0.4, grey=0.2, compressed=0.2, erased=0.25),
}
"""What ``light`` and ``strong`` do; ``none`` does nothing."""
_WIDEST = 4 / 3  # of a crop, width to height


def augment(
    image: Image.Image, side: int, strength: Strength, chance: np.random.Generator
) -> NDArray[np.uint8]:
    """An image as it might have been taken, (side, side, 3) uint8.

    Args:
        image: RGB, upright.
        side: of the result in pixels.
        strength: how much is done.
        chance: decides all; the same one gives the same pixels.
    """
    box = crop_box(image.size, strength.area, chance)
    made = image.resize((side, side), Image.Resampling.BICUBIC, box=box)
    if chance.random() < 0.5:
        made = ImageOps.mirror(made)
    made = _recoloured(made, strength, chance)
    if chance.random() < strength.compressed:
        made = _compressed(made, int(chance.integers(30, 81)))
    pixels = np.array(made, dtype=np.uint8)
    if chance.random() < strength.erased:
        _erase(pixels, chance)
    return pixels


def crop_box(
    size: tuple[int, int], least: float, chance: np.random.Generator
) -> tuple[float, float, float, float]:
    """A part of an image, (left, top, right, bottom) in its pixels.

    Args:
        size: (width, height) of the image.
        least: share of its area that is kept at least; where the image is narrower than the
            widest crop, a crop may keep less of it.
        chance: decides area, shape and place.
    """
    width, height = size
    area = chance.uniform(least, 1.0) * width * height
    shape = math.exp(chance.uniform(-math.log(_WIDEST), math.log(_WIDEST)))
    across = min(float(width), math.sqrt(area * shape))
    down = min(float(height), math.sqrt(area / shape))
    left, top = chance.uniform(0, width - across), chance.uniform(0, height - down)
    return left, top, min(float(width), left + across), min(float(height), top + down)


def _recoloured(image: Image.Image, strength: Strength, chance: np.random.Generator) -> Image.Image:
    kinds = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
    factors = chance.uniform(1 - strength.colour, 1 + strength.colour, len(kinds)).tolist()
    for number in chance.permutation(len(kinds)).tolist():
        image = kinds[number](image).enhance(factors[number])
    if chance.random() < strength.grey:
        image = ImageOps.grayscale(image).convert("RGB")
    return image


def _compressed(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as read:
        return read.convert("RGB")


def _erase(pixels: NDArray[np.uint8], chance: np.random.Generator) -> None:
    """Paint a rectangle of up to a quarter of the area over with one colour."""
    side = pixels.shape[0]
    height, width = chance.integers(max(1, side // 8), side // 2 + 1, 2).tolist()
    top = int(chance.integers(0, side - height + 1))
    left = int(chance.integers(0, side - width + 1))
    pixels[top : top + height, left : left + width] = chance.integers(0, 256, 3, dtype=np.uint8)
