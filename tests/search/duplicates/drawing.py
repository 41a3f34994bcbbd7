"""Images full of corners, which chance draws: no two are alike."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vitrail.search.duplicates.looks import Look, look_at


def draw(seed: int, size: tuple[int, int] = (240, 180)) -> Image.Image:
    """A ground of two colours, and shapes on it."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 256, (3, 4, 3), np.uint8)
    image = Image.fromarray(ground).resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(image)
    for _ in range(24):
        x, y = (int(rng.integers(side)) for side in size)
        wide, high = (int(rng.integers(8, side // 3)) for side in size)
        colour = tuple(int(c) for c in rng.integers(0, 256, 3))
        shape = pen.rectangle if rng.random() < 0.5 else pen.ellipse
        shape((x, y, x + wide, y + high), fill=colour)
    return image.filter(ImageFilter.GaussianBlur(0.6))


def look(image: Image.Image) -> Look:
    """How the search sees it."""
    return look_at(image, image.size)
