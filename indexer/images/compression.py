"""Whether an image file keeps every pixel that it was given, as its header tells."""

from __future__ import annotations

from vitrail.indexer.images.exif import Tag, read_tags
from vitrail.indexer.images.facts import told_by_header

_COLOURED_PNG = frozenset({2, 6})  # colour types
_KEEPING = frozenset({1, 5, 8, 32773, 32946, 34925, 50000})
"""Compressions of a TIFF: none, LZW, deflate, run lengths, LZMA and Zstandard."""
_COLOURED_TIFF = frozenset({2, 5, 8})  # photometric interpretations: RGB, inks, Lab
_FULL_COLOUR = 24  # bits a pixel of a bitmap
_COLOURED_PPM = frozenset({b"P3", b"P6"})


def is_lossless(data: bytes) -> bool:
    """Whether a file surely keeps every pixel that it was given; no pixel is decoded.

    ``False`` also where a header does not tell, as of JPEG 2000, AVIF and HEIF, and where colours
    may have been made fewer first, as those of a GIF, of any palette and of what is grey were.

    Args:
        data: all bytes of the file.
    """
    return told_by_header(data, _tells)


def _tells(name: str, data: bytes) -> bool:
    if name == "PNG":
        return data[25] in _COLOURED_PNG
    if name == "BMP":
        old = int.from_bytes(data[14:18], "little") == 12
        return data[24 if old else 28] >= _FULL_COLOUR
    if name == "WEBP":
        return _first_frame(data) == b"VP8L"
    if name == "TIFF":
        tags = read_tags(data).main
        coloured = tags.get(Tag.PHOTOMETRIC) in _COLOURED_TIFF
        return tags.get(Tag.COMPRESSION, 1) in _KEEPING and coloured
    return name == "PPM" and data[:2] in _COLOURED_PPM


def _first_frame(data: bytes) -> bytes:
    """How the first image of a WebP is encoded, of an animation too."""
    at, many = 12, 0
    while len(data) - at >= 8 and many < 1000:
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if kind in (b"VP8 ", b"VP8L"):
            return kind
        # A frame of an animation begins with 16 bytes of its own, and holds such parts itself.
        at += 24 if kind == b"ANMF" else 8 + length + (length & 1)
        many += 1
    return b""
