"""Copies of an image as they turn up in collections: compressed, small, cropped and the like."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

SIDE = 512
"""Pixels of the shorter side that copies are made from."""
_SMALL = 160  # pixels of a small copy's longer side, at most
_QUALITY = 40  # of JPEG, where its blocks begin to show


def compressed(image: Image.Image) -> Image.Image:
    """Saved as a JPEG of low quality."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return Image.open(buffer).convert("RGB")


def resized(image: Image.Image) -> Image.Image:
    """A thumbnail, no larger than half the image."""
    share = min(_SMALL / max(image.size), 0.5)
    width, height = (max(1, round(share * side)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def cropped(image: Image.Image) -> Image.Image:
    """Four fifths of each side, not from the middle."""
    width, height = image.size
    left, top = width * 3 // 20, height // 20
    return image.crop((left, top, max(left + 1, left + width * 4 // 5), top + 1 + height * 4 // 5))


def recoloured(image: Image.Image) -> Image.Image:
    """Paler, brighter and with more contrast."""
    paler = ImageEnhance.Color(image).enhance(0.4)
    return ImageEnhance.Contrast(ImageEnhance.Brightness(paler).enhance(1.15)).enhance(1.15)


def flipped(image: Image.Image) -> Image.Image:
    """Left and right exchanged."""
    return ImageOps.mirror(image)


def overlaid(image: Image.Image) -> Image.Image:
    """With a caption on a bar across its foot."""
    made = image.copy()
    width, height = made.size
    bar = max(2, height // 8)
    draw = ImageDraw.Draw(made)
    draw.rectangle((0, height - bar, width, height), fill=(20, 20, 20))
    font = ImageFont.load_default(size=max(6, bar * 0.6))
    draw.text((bar // 3, height - bar), "© VITRAIL 2024", fill=(240, 240, 240), font=font)
    return made


KINDS: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "compressed": compressed,
    "resized": resized,
    "cropped": cropped,
    "recoloured": recoloured,
    "flipped": flipped,
    "overlaid": overlaid,
}
"""What may be done to an image, by name: RGB in, RGB out, never changing what is given."""


def plant(image: Image.Image) -> dict[str, Image.Image]:
    """A copy of each kind of an RGB image."""
    return {kind: change(image) for kind, change in KINDS.items()}
