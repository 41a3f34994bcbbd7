"""Small copies of images, as text that a page can hold."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vitrail.indexer.errors import ImageRejectedError

if TYPE_CHECKING:
    from PIL import Image


def thumbnail(data: bytes, side: int) -> str | None:
    """A ``data:`` URL of an image no larger than ``side`` pixels; ``None`` if it is none.

    Args:
        data: the bytes of an image file.
        side: pixels of the longest side.
    """
    try:
        return "data:image/webp;base64," + base64.b64encode(as_webp(data, side)).decode()
    except ImageRejectedError:
        return None


def as_webp(data: bytes, side: int) -> bytes:
    """A WebP file of an image no larger than ``side`` pixels.

    Args:
        data: the bytes of an image file.
        side: pixels of the longest side.

    Raises:
        ImageRejectedError: it cannot be opened, with the reason.
    """
    from PIL import Image

    from vitrail.indexer.images.opening import open_image

    image = open_image(data, target=side).image
    # tiny images stay as they are: the page scales them without blurring their pixels twice
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=85)
    return buffer.getvalue()


def first_thumbnail(paths: Sequence[str], side: int) -> tuple[str | None, str | None]:
    """The thumbnail of the first of an image's files that is there, and its path."""
    from vitrail.indexer.images.files import read_file

    for path in paths:
        try:
            made = thumbnail(read_file(path).data, side)
        except ImageRejectedError:  # gone or changed since it was indexed
            continue
        if made is not None:
            return made, path
    return None, None


def sprite(path: str, side: int) -> Image.Image | None:
    """A square RGB image, the middle of a file's; ``None`` where it cannot be read now.

    Args:
        path: of the file.
        side: pixels of the square.
    """
    from PIL import ImageOps

    from vitrail.indexer.images.files import read_file
    from vitrail.indexer.images.opening import open_image

    try:
        image = open_image(read_file(path).data, target=side).image
    except ImageRejectedError:
        return None
    return ImageOps.fit(image.convert("RGB"), (side, side))
