"""Image files taken apart without a decoder: the image here, what is said about it there.

Pillow reads a file's metadata before its pixels, in loops and with limits of its own: a PNG with a
long text or a damaged gamma is refused by it, comments and EXIF in many pieces are joined in
quadratic time, one byte of junk after the other is looked at in Python. So it is given only what
decoding needs. What is left out is read here: by walks over lengths, each part seen once, with
bounds on their number and size. Nothing here needs more than the file's own bytes again.
"""

from __future__ import annotations

from collections.abc import Callable

from vitrail.indexer.images.containers import (
    boxes,
    gif,
    jpeg,
    jpeg2000,
    netpbm,
    png,
    tiff,
    webp,
    windows,
)
from vitrail.indexer.images.containers.parts import Container as Container

_WALKS: dict[str, Callable[[bytes], Container]] = {
    "JPEG": jpeg.take_apart,
    "PNG": png.take_apart,
    "GIF": gif.take_apart,
    "WEBP": webp.take_apart,
    "BMP": windows.take_apart,
    "PPM": netpbm.take_apart,
    "TIFF": tiff.take_apart,
    "AVIF": boxes.take_apart,
    "HEIF": boxes.take_apart,
    "JPEG2000": jpeg2000.take_apart,
}


def take_apart(name: str, data: bytes) -> Container:
    """Part a file of a format (Pillow's name) into its image and its metadata.

    Raises:
        ValueError: its header makes no sense.
        IndexError: it ends within the header; as does ``struct.error``.
        ImageRejectedError: ``too-costly`` where it has more parts than any image's file.
    """
    return _WALKS[name](data)
