"""The file of an image of a collection, as it was indexed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from vitrail.service.operations.thumbnails import FileAwayError

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo

_CHUNK = 1 << 20
_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "AVIF": "image/avif",
    "HEIF": "image/heif",
    "JPEG2000": "image/jp2",
    "PPM": "image/x-portable-pixmap",
}


@dataclass(frozen=True, slots=True)
class Original:
    """An image's file, open, whose bytes are those that were indexed.

    Attributes:
        name: of the file.
        size: in bytes.
        media_type: by what it holds, whatever its name says.
        content_hash: sha256 (hex) of its bytes.
    """

    name: str
    size: int
    media_type: str
    content_hash: str
    _file: BinaryIO

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, the last of them once all are known to be those that were indexed.

        The file is closed at the end.

        Raises:
            FileAwayError: the file was written to since it was opened.
        """
        digest, held = hashlib.sha256(), b""
        with self._file:
            while chunk := self._file.read(_CHUNK):
                digest.update(chunk)
                if held:
                    yield held
                held = chunk
        if digest.hexdigest() != self.content_hash:
            raise FileAwayError(
                "the file was written to while it was read", remedy="index it again"
            )
        yield held

    def close(self) -> None:
        """Close the file; harmless where it is."""
        self._file.close()


def open_original(image: ImageInfo) -> Original:
    """The first of an image's files that is as it was indexed.

    It is read twice, once for its hash, so that a large one takes no memory.

    Raises:
        FileAwayError: none is.
    """
    for path in image.paths:
        file = _unchanged(path, image.content_hash)
        if file is not None:
            kind = _TYPES.get(image.format, "application/octet-stream")
            size = os.fstat(file.fileno()).st_size
            return Original(os.path.basename(path), size, kind, image.content_hash, file)
    raise FileAwayError(
        f"no file of image {image.id} is there as it was indexed",
        remedy="bring its folder back, or index it again",
    )


def _unchanged(path: str, content_hash: str) -> BinaryIO | None:
    from vitrail.indexer.errors import ImageRejectedError
    from vitrail.indexer.images.files import open_regular

    try:
        file = open_regular(path)
    except ImageRejectedError:
        return None
    digest = hashlib.sha256()
    try:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
        file.seek(0)
    except OSError:
        file.close()
        return None
    if digest.hexdigest() == content_hash:
        return file
    file.close()
    return None
