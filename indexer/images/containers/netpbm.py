"""Portable bitmaps, greymaps and pixmaps: their header, which may be full of comments."""

from __future__ import annotations

import re

from vitrail.indexer.images.containers.parts import Container

# Comments and space before each number. Pillow reads them byte by byte in Python.
_NUMBER = re.compile(rb"(?:[ \t\n\x0b\x0c\r]++|#[^\r\n]*+[\r\n])++(\d{1,9})(?=\D)")
_FAST_DEPTHS = {b"P4": (1,), b"P5": (255, 65535), b"P6": (255,)}  # the others are read in Python
_BITMAPS = (b"P1", b"P4")


def take_apart(data: bytes) -> Container:
    """The file without its comments; see ``containers.take_apart``."""
    kind, numbers, at = read_header(data)
    width, height, depth = *numbers[:2], (numbers[2:] or [1])[0]
    words = b" ".join([kind, *(b"%d" % number for number in numbers)])
    tame = depth in _FAST_DEPTHS.get(kind, ())
    return Container(
        encoded=b"".join([words, memoryview(data)[at:]]) if b"#" in data[:at] else data,
        size=(width, height),
        depth=1 if kind in _BITMAPS or (depth <= 255 and kind in (b"P2", b"P5")) else 4,
        tame=tame,
        # Python's decoder makes a list of what it reads, and bytes of what it gives.
        held=0 if tame else width * height * (8 if kind in (b"P2", b"P5") else 6),
    )


def read_header(data: bytes) -> tuple[bytes, list[int], int]:
    """The kind (``P1`` to ``P6``), its width, height and, but for bitmaps, maximum, and its end.

    Raises:
        ValueError: they are not there.
    """
    kind, at = data[:2], 2
    numbers: list[int] = []
    for _ in range(2 if kind in _BITMAPS else 3):
        number = _NUMBER.match(data, at)
        if number is None:
            raise ValueError("no size")
        numbers.append(int(number[1]))
        at = number.end()
    return kind, numbers, at


def raster_end(data: bytes) -> int | None:
    """Where the pixels of the first image end; ``None`` where they are written as text.

    Raises:
        ValueError: there is no size.
    """
    kind, numbers, at = read_header(data)
    width, height, most = *numbers[:2], (numbers[2:] or [1])[0]
    if kind not in _FAST_DEPTHS:
        return None
    line = -(-width // 8) if kind == b"P4" else width * (3 if kind == b"P6" else 1)
    return at + 1 + line * height * (2 if most > 255 else 1)
