"""JPEG 2000: its size, and what its boxes hold beside the image."""

from __future__ import annotations

from vitrail.indexer.images.containers.boxes import walk
from vitrail.indexer.images.containers.parts import MAX_EXIF, Container

_SIZE = b"\xff\x4f\xff\x51"
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF = b"JpgTiffExif->JP2"


def take_apart(data: bytes) -> Container:
    """The file as it is; see ``containers.take_apart``."""
    start = data.find(_SIZE)
    if start < 0:
        raise ValueError("no codestream")
    right, bottom, left, top = (
        int.from_bytes(data[start + at : start + at + 4], "big") for at in range(8, 24, 4)
    )
    components = int.from_bytes(data[start + 40 : start + 42], "big")
    size = right - left, bottom - top
    if min(size) <= 0 or not components:
        raise ValueError("no size")
    return Container(
        encoded=data,
        size=size,
        exif=_uuid(data, _EXIF),
        xmp=_uuid(data, _XMP),
        # OpenJPEG holds 32 bits a sample, and a tile of them again.
        held=size[0] * size[1] * 5 * components,
        tame=False,
    )


def _uuid(data: bytes, name: bytes) -> bytes:
    for kind, start, end in walk(data, 0, len(data)):
        if kind == b"uuid" and data[start : start + 16] == name and end - start <= MAX_EXIF:
            return data[start + 16 : end]
    return b""
