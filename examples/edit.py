"""Makes what people make of photographs: ``python examples/edit.py FOLDER``.

Small copies, crops, grey and mirrored ones, with a caption or a frame: near duplicates to be found.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageOps

PHOTOGRAPHS = Path(__file__).parent / "photographs"


def small(image: Image.Image) -> Image.Image:
    """As a messenger sends it; see also the quality it is saved with."""
    return image.resize((image.width * 2 // 5, image.height * 2 // 5))


def cropped(image: Image.Image) -> Image.Image:
    """Two thirds of it, off the centre."""
    width, height = image.size
    return image.crop((width // 12, height // 6, width * 3 // 4, height * 5 // 6))


def grey(image: Image.Image) -> Image.Image:
    """Without its colours."""
    return ImageOps.grayscale(image).convert("RGB")


def mirrored(image: Image.Image) -> Image.Image:
    """Left for right, and warmer."""
    return ImageEnhance.Color(ImageOps.mirror(image)).enhance(1.4)


def captioned(image: Image.Image) -> Image.Image:
    """In a white frame with words below."""
    framed = ImageOps.expand(image, border=(16, 16, 16, 56), fill="white")
    ImageDraw.Draw(framed).text((20, framed.height - 40), "seen on holiday, 2019", fill="black")
    return framed


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    edit.__name__: edit for edit in (small, cropped, grey, mirrored, captioned)
}


def main() -> None:
    """Write every edit of every photograph into the folder named on the command line."""
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(PHOTOGRAPHS.glob("*.jpg")):
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        for name, edit in EDITS.items():
            quality = 35 if edit is small else 85
            edit(image).save(target / f"{path.stem}-{name}.jpg", quality=quality)


if __name__ == "__main__":
    main()
