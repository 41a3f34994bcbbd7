"""WebP chunks."""

from __future__ import annotations

import struct

from vitrail.indexer.images.containers.parts import (
    MAX_EXIF,
    MAX_PARTS,
    MAX_PROFILE,
    Container,
    refuse_parts,
)

_METADATA = {b"ICCP": ("icc", MAX_PROFILE), b"EXIF": ("exif", MAX_EXIF), b"XMP ": ("xmp", MAX_EXIF)}
_KEPT = frozenset({b"ANIM", b"ALPH", b"VP8 ", b"VP8L"})
_METADATA_FLAGS = 0x20 | 0x08 | 0x04
_DEPTH = 17  # canvas, frame before, Python's copy and Pillow's
_BRIEF = (
    1 << 24
)  # pixels; libwebp holds the interpreter while it decodes, two tenths of a second here


def take_apart(data: bytes) -> Container:
    """The first frame from metadata and other frames; see ``containers.take_apart``."""
    kind = data[12:16]
    if kind == b"VP8X":
        return _take_extended(data)
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        size = int.from_bytes(data[26:28], "little"), int.from_bytes(data[28:30], "little")
        size = size[0] & 0x3FFF, size[1] & 0x3FFF
    else:
        raise ValueError(f"{kind!r} is no image")
    return Container(encoded=data, size=size, depth=_DEPTH, tame=size[0] * size[1] <= _BRIEF)


def _take_extended(data: bytes) -> Container:
    width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    view = memoryview(data)
    kept: list[bytes | memoryview] = [
        data[12:20],
        bytes([data[20] & ~_METADATA_FLAGS]),
        view[21:30],
    ]
    found: dict[str, bytes] = {}
    frames, at = 0, 30
    for _ in range(MAX_PARTS):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + length + (length & 1)
        if kind in _METADATA:
            name, most = _METADATA[kind]
            if length <= most:
                found.setdefault(name, data[at + 8 : at + 8 + length])
        elif kind in _KEPT or (kind == b"ANMF" and not frames):
            kept.append(view[at:end])
        frames += kind == b"ANMF"
        if len(data) - end < 8:
            break
        at = end
    else:
        raise refuse_parts("WEBP")
    total = 4 + sum(map(len, kept))
    return Container(
        encoded=b"".join([b"RIFF", struct.pack("<I", total), b"WEBP", *kept]),
        size=(width, height),
        depth=_DEPTH,
        tame=width * height <= _BRIEF,
        **found,  # type: ignore[arg-type]
    )
