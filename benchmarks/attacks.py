"""What becomes of images as they are passed on: what a search for copies is tried by."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

Attack = Callable[[Image.Image, Image.Image, np.random.Generator], Image.Image]
"""An RGB image, another one that it may be set beside, and chance, to the attacked image."""


def _jpeg(image: Image.Image, _: Image.Image, __: np.random.Generator) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=30)
    return Image.open(buffer).convert("RGB")


def _quarter(image: Image.Image, _: Image.Image, __: np.random.Generator) -> Image.Image:
    size = max(1, image.width // 4), max(1, image.height // 4)
    return image.resize(size, Image.Resampling.BICUBIC)


def _cropped(share: float) -> Attack:
    """To so much of its area, anywhere."""

    def crop(image: Image.Image, _: Image.Image, rng: np.random.Generator) -> Image.Image:
        width, height = int(image.width * share**0.5), int(image.height * share**0.5)
        left = int(rng.integers(image.width - width + 1))
        top = int(rng.integers(image.height - height + 1))
        return image.crop((left, top, left + width, top + height))

    return crop


def _mirrored(image: Image.Image, _: Image.Image, __: np.random.Generator) -> Image.Image:
    return ImageOps.mirror(image)


def _turned(image: Image.Image, _: Image.Image, __: np.random.Generator) -> Image.Image:
    return image.rotate(10, Image.Resampling.BICUBIC, fillcolor=(255, 255, 255))


def _recoloured(image: Image.Image, _: Image.Image, rng: np.random.Generator) -> Image.Image:
    made = ImageEnhance.Color(image).enhance(float(rng.uniform(0.4, 1.6)))
    made = ImageEnhance.Brightness(made).enhance(float(rng.uniform(0.75, 1.25)))
    made = ImageEnhance.Contrast(made).enhance(float(rng.uniform(0.75, 1.25)))
    tinted = np.asarray(made, np.float32) * rng.uniform(0.85, 1.15, 3)
    return Image.fromarray(tinted.clip(0, 255).astype(np.uint8))


def _captioned(image: Image.Image, _: Image.Image, __: np.random.Generator) -> Image.Image:
    made = image.copy()
    font = ImageFont.load_default(size=max(8.0, image.height * 0.12))
    place = image.width * 0.08, image.height * 0.42
    draw = ImageDraw.Draw(made)
    draw.text(place, "SALE 50%", (255, 255, 255), font, stroke_width=2, stroke_fill=(0, 0, 0))
    return made


def _on_screen(image: Image.Image, _: Image.Image, __: np.random.Generator) -> Image.Image:
    """As a viewer's window shows it: a bar above, and dark around."""
    width, height = int(image.width * 1.3), int(image.height * 1.3)
    made = Image.new("RGB", (width, height), (40, 42, 46))
    bar = max(2, height // 14)
    draw = ImageDraw.Draw(made)
    draw.rectangle((0, 0, width, bar), (228, 228, 228))
    draw.ellipse((bar // 4, bar // 4, bar * 3 // 4, bar * 3 // 4), (220, 90, 80))
    made.paste(image, ((width - image.width) // 2, (height - image.height + bar) // 2))
    return made


def _beside(image: Image.Image, other: Image.Image, _: np.random.Generator) -> Image.Image:
    made = Image.new("RGB", (2 * image.width, image.height))
    made.paste(image, (0, 0))
    made.paste(other.resize(image.size), (image.width, 0))
    return made


ATTACKS: Mapping[str, Attack] = {
    "JPEG 30": _jpeg,
    "a quarter of the size": _quarter,
    "crop to 70%": _cropped(0.7),
    "crop to 50%": _cropped(0.5),
    "mirrored": _mirrored,
    "turned by 10°": _turned,
    "colour jitter": _recoloured,
    "text over it": _captioned,
    "screenshot": _on_screen,
    "collage of two": _beside,
}
