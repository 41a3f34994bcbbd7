"""Large images brought to upright sRGB band by band, and to a smaller size where that will do."""

from __future__ import annotations

from PIL import Image

from vitrail.indexer.images.colours import Colours

BAND = 1 << 20
"""Pixels of a band: what converting takes beside the image is 25 MB at the most."""

LARGE = 1 << 24
"""Pixels above which an image is reduced while it is converted, if so many are not needed.

A fixed number, and never the memory that happens to be free: the same file must give the same
vector everywhere.
"""

MARGIN = 3
"""A large image keeps at least this many times the pixels needed on its shortest edge.

The mean of whole squares is a box filter, after which the resize must have something left to do.
Measured on six images of 17 to 24 megapixels that ``benchmarks/decode.py`` makes, embedded ViT:
least cosine to the unreduced image 0.9996 at 1, 0.9999 at 2 and 3.
"""


def factor_for(size: tuple[int, int], target: int | None) -> int:
    """By what an image is divided; 1 leaves it as it is.

    Args:
        size: (width, height) as decoded.
        target: shortest edge in pixels that is needed, or ``None`` for all of them.
    """
    if not target or size[0] * size[1] <= LARGE:
        return 1
    return max(1, min(size) // (MARGIN * target))


def to_srgb(image: Image.Image, icc: bytes, factor: int = 1) -> Image.Image:
    """A loaded image of any mode as RGB; the same pixels as if it were done in one.

    Args:
        image: loaded.
        icc: its profile, or nothing.
        factor: each output pixel is the mean of a square of this side.
    """
    colours = Colours(image, icc)
    width, height = image.size
    rows = max(1, BAND // width // factor) * factor
    if factor == 1 and rows >= height:
        return colours.convert(image)
    found = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    for top in range(0, height, rows):
        band = colours.convert(image.crop((0, top, width, min(height, top + rows))))
        found.paste(band.reduce(factor) if factor > 1 else band, (0, top // factor))
    return found
