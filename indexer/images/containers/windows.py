"""Windows bitmaps: only their header."""

from __future__ import annotations

from vitrail.indexer.images.containers.parts import Container

_RUN_LENGTHS = (1, 2)


def take_apart(data: bytes) -> Container:
    """The file as it is; see ``containers.take_apart``."""
    if int.from_bytes(data[14:18], "little") == 12:
        size = int.from_bytes(data[18:20], "little"), int.from_bytes(data[20:22], "little")
        return Container(encoded=data, size=size, depth=_depth(data[24]))
    width, height = (int.from_bytes(data[at : at + 4], "little", signed=True) for at in (18, 22))
    # Run lengths are decoded in Python, and a few bytes may stand for many rows.
    packed = int.from_bytes(data[30:34], "little") in _RUN_LENGTHS
    pixels = abs(width) * abs(height)
    return Container(
        encoded=data,
        size=(abs(width), abs(height)),
        depth=_depth(data[28]),
        held=3 * pixels if packed else 0,
        tame=not packed,
    )


def _depth(bits: int) -> int:
    return 1 if bits <= 8 else 4
