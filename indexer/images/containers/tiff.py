"""TIFF: one folder of tags that is image and metadata at once."""

from __future__ import annotations

from typing import Any

from vitrail.indexer.images.containers.parts import Container
from vitrail.indexer.images.exif import Tag, read_tags


def take_apart(data: bytes) -> Container:
    """The file as it is; see ``containers.take_apart``."""
    tags = read_tags(data).main
    width, height = tags.get(Tag.WIDTH), tags.get(Tag.HEIGHT)
    if not isinstance(width, int) or not isinstance(height, int):
        raise ValueError("no size")  # noqa: TRY004 - a file's content, not an argument's type
    return Container(
        encoded=data,
        size=(width, height),
        exif=data,
        xmp=_bytes(tags.get(Tag.XMP)),
        iptc=_bytes(tags.get(Tag.PHOTOSHOP)) or _bytes(tags.get(Tag.IPTC)),
        # Turned upright by Pillow while it loads, into a second image.
        depth=_depth(tags),
        held=4 * width * height if tags.get(Tag.ORIENTATION, 1) != 1 else 0,
        tame=False,
    )


def _depth(tags: dict[int, Any]) -> int:
    """Grey has a byte or two a pixel, all else four, and what libtiff and numpy need beside."""
    bits = tags.get(Tag.BITS, 1)
    return (1 if bits <= 8 else 2) if isinstance(bits, int) and bits <= 16 else 5


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
