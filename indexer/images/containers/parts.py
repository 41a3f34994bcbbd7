"""What a file is parted into, and how much of it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vitrail.indexer.errors import ImageRejectedError

MAX_PARTS = 1 << 20
"""Chunks, segments or blocks of one file: a gigabyte of a PNG in the smallest usual chunks."""

MAX_TEXT = 4 << 20
"""Bytes of one text, and characters of all of them; ComfyUI's largest workflows are below it."""

MAX_TEXTS = 1000
"""Texts of one file."""

MAX_TEXT_PARTS = 1 << 16
"""Parts of one file that are texts, kept or not."""

MAX_INFLATED = 256 << 20
"""Bytes that all compressed texts and profiles of one file may grow to: half a second of work."""

MAX_EXIF = 4 << 20
"""Bytes of EXIF, of XMP and of IPTC, each."""

MAX_PROFILE = 8 << 20
"""Bytes of an ICC profile; printers' largest have about 4 MB."""


@dataclass(frozen=True, slots=True)
class Container:
    """A file taken apart.

    Attributes:
        encoded: a file of the same format with what decoding needs, and little else.
        size: (width, height) in pixels as stored, before any turn.
        orientation: as EXIF counts it (1 to 8), where the format has one of its own that goes
            before EXIF's.
        exif: a TIFF structure, or nothing.
        icc: an ICC profile, or nothing.
        xmp: an XMP packet, or nothing.
        iptc: IPTC records, in Photoshop's blocks or bare, or nothing.
        texts: by keyword.
        scans: how often a decoder passes over the whole image.
        depth: bytes a pixel that its decoder and Pillow hold at the most, measured by
            ``benchmarks/decode_memory.py``.
        held: bytes held beside them for the whole image.
        tame: the decoder's time and memory are bounded by ``size``, ``scans`` and ``held``, and
            it does not hold the interpreter for longer than a moment.
    """

    encoded: bytes
    size: tuple[int, int]
    orientation: int | None = None
    exif: bytes = b""
    icc: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    texts: Mapping[str, str] = field(default_factory=dict)
    scans: int = 1
    depth: float = 4
    held: int = 0
    tame: bool = True


class Texts(dict[str, str]):
    """Texts by keyword, the later one of two equal keywords, as far as there is room."""

    left = MAX_TEXT

    def room(self) -> int:
        """Characters that the next text may have."""
        return self.left if len(self) < MAX_TEXTS else 0

    def keep(self, keyword: str, text: str) -> None:
        """Keep a text, unless there is no room for it."""
        if keyword and text and len(text) + len(keyword) <= self.room():
            self.left -= len(text) + len(keyword)
            self[keyword] = text


def refuse_parts(name: str) -> ImageRejectedError:
    """The reject of a file of more than ``MAX_PARTS``."""
    return ImageRejectedError(
        "too-costly",
        f"the {name} file has more than {MAX_PARTS:,} parts, as no image needs: save it anew "
        "with an image editor",
    )


def refuse_texts(name: str) -> ImageRejectedError:
    """The reject of a file of more than ``MAX_TEXT_PARTS``, or ``MAX_INFLATED`` bytes of them."""
    return ImageRejectedError(
        "too-costly",
        f"the {name} file has more than {MAX_TEXT_PARTS:,} texts, or {MAX_INFLATED >> 20} MB of "
        "compressed ones, as no image needs: save it anew with an image editor",
    )


def decode_text(value: bytes) -> str:
    """Text of bytes that do not say what they are: UTF-8, or Latin-1 which anything can be."""
    try:
        return value.decode("utf-8").rstrip("\0")
    except UnicodeDecodeError:
        return value.decode("latin-1").rstrip("\0")
