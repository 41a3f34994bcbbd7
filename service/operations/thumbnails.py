"""Small copies of a collection's images, made once and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.indexer.errors import CacheError, ImageRejectedError, UnknownImageError
from vitrail.service.operations.kept_files import KeptFiles
from vitrail.service.operations.references import unusable_image

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo

SIDES = {"small": 256, "medium": 768, "large": 2048}
"""Size -> pixels of the longest side, at most."""
MOST_BYTES = 2 << 30
MEDIA_TYPE = "image/webp"
_STRIPES = 64


class FileAwayError(UnknownImageError):
    """None of an image's files is there as it was indexed."""

    code = "file-away"


class Thumbnails:
    """Thumbnails as WebP files in a folder that is bounded; threads share them.

    Args:
        folder: where they are kept.
        most: bytes, all together; those used longest ago go first.
    """

    def __init__(self, folder: Path, *, most: int = MOST_BYTES) -> None:
        self._files = KeptFiles(folder, most=most)
        self._making = tuple(threading.Lock() for _ in range(_STRIPES))

    def get(self, image: ImageInfo, size: str) -> bytes:
        """A thumbnail of an image of a collection, as WebP.

        It is of the bytes that were indexed, or there is none.

        Args:
            image: what is known of it.
            size: one of ``SIDES``.

        Raises:
            FileAwayError: no file of it is there as it was indexed.
            UnusableImageError: it cannot be decoded now.
        """
        name = f"{image.content_hash}-{SIDES[size]}"
        return self._files.get(name) or self._made(name, lambda: _indexed(image), SIDES[size])

    def of_bytes(self, token: str, data: bytes, size: str) -> bytes:
        """A thumbnail of an image file's bytes, which a token stands for; errors as of ``get``."""
        name = f"{token}-{SIDES[size]}"
        return self._files.get(name) or self._made(name, lambda: data, SIDES[size])

    def _made(self, name: str, read: Callable[[], bytes], side: int) -> bytes:
        from vitrail.search.thumbnails import as_webp

        with self._making[hash(name) % _STRIPES]:  # who asks for the same meanwhile finds it made
            known = self._files.get(name)
            if known is not None:
                return known
            try:
                made = as_webp(read(), side)
            except ImageRejectedError as error:
                raise unusable_image("the image", error) from error
            with suppress(CacheError):  # shown all the same
                self._files.put(name, made)
            return made


def _indexed(image: ImageInfo) -> bytes:
    from vitrail.indexer.images.files import read_unchanged

    found = read_unchanged(image.paths, image.content_hash)
    if found is None:
        raise FileAwayError(
            f"no file of image {image.id} is there as it was indexed",
            remedy="bring its folder back, or index it again",
        )
    return found.data
