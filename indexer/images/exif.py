"""EXIF tags, read within bounds: a TIFF structure whose offsets may lead anywhere.

Pillow keeps every tag's bytes; before its version 13, tens of thousands of tags that all point to
the same megabyte took that many megabytes. Here only known tags are read, of three folders, each
once and none larger than ``MAX_VALUE``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

MAX_VALUE = 4 << 20
"""Bytes of one tag; XMP is the largest of them."""

MAX_TAGS = 4096
"""Entries of one folder that are looked at."""


class Tag(IntEnum):
    """The tags that are read from the main folder and from the EXIF folder."""

    WIDTH = 0x0100
    HEIGHT = 0x0101
    BITS = 0x0102
    COMPRESSION = 0x0103
    PHOTOMETRIC = 0x0106
    DESCRIPTION = 0x010E
    MAKE = 0x010F
    MODEL = 0x0110
    ORIENTATION = 0x0112
    SOFTWARE = 0x0131
    DATE = 0x0132
    ARTIST = 0x013B
    XMP = 0x02BC
    RATING = 0x4746
    RATING_PERCENT = 0x4749
    COPYRIGHT = 0x8298
    IPTC = 0x83BB
    PHOTOSHOP = 0x8649
    EXIF_FOLDER = 0x8769
    GPS_FOLDER = 0x8825
    DATE_ORIGINAL = 0x9003
    DATE_DIGITIZED = 0x9004
    MAKER_NOTE = 0x927C
    USER_COMMENT = 0x9286
    XP_TITLE = 0x9C9B
    XP_COMMENT = 0x9C9C
    XP_KEYWORDS = 0x9C9E
    XP_SUBJECT = 0x9C9F


class Gps(IntEnum):
    """The tags that are read from the GPS folder."""

    LATITUDE_REF = 1
    LATITUDE = 2
    LONGITUDE_REF = 3
    LONGITUDE = 4
    STATUS = 9


class Tags(NamedTuple):
    """Values by tag: bytes as they are, one number, or a tuple of numbers (NaN for n/0).

    Attributes:
        main: the image's own folder and its EXIF folder in one; see ``Tag``.
        gps: see ``Gps``.
    """

    main: dict[int, Any]
    gps: dict[int, Any]


# Type -> (bytes, letter of ``struct``); bytes, text and undefined are left as bytes.
_TYPES = {
    **{1: (1, ""), 2: (1, ""), 7: (1, "")},
    **{3: (2, "H"), 4: (4, "I"), 6: (1, "b"), 8: (2, "h"), 9: (4, "i"), 11: (4, "f"), 12: (8, "d")},
    **{5: (8, "II"), 10: (8, "ii"), 13: (4, "I"), 16: (8, "Q"), 17: (8, "q"), 18: (8, "Q")},
}
_TAGS, _GPS = frozenset(map(int, Tag)), frozenset(map(int, Gps))
_HEADERS = {
    b"II*\0": ("<", False),
    b"MM\0*": (">", False),
    b"II+\0": ("<", True),
    b"MM\0+": (">", True),
}


def read_tags(data: bytes) -> Tags:
    """Read the tags of a TIFF structure, as far as it makes sense; raises nothing.

    Args:
        data: with or without ``Exif`` and two NULs in front; a whole TIFF file is one too.
    """
    start = 6 if data[:5] == b"Exif\0" else 0
    tags = Tags({}, {})
    order, big = _HEADERS.get(data[start : start + 4], ("", False))
    if order:
        folder = _Folders(data, start, order, big)
        at = folder.number(start + 8, 8) if big else folder.number(start + 4, 4)
        tags.main.update(folder.read(at, _TAGS))
        for tag, wanted, into in (
            (Tag.EXIF_FOLDER, _TAGS, tags.main),
            (Tag.GPS_FOLDER, _GPS, tags.gps),
        ):
            inner = tags.main.pop(tag, None)
            if isinstance(inner, int):
                into.update(folder.read(inner, wanted))
    return tags


class _Folders:
    def __init__(self, data: bytes, start: int, order: str, big: bool) -> None:
        self._data, self._start, self._order, self._big = data, start, order, big

    def number(self, at: int, length: int) -> int:
        order = "little" if self._order == "<" else "big"
        return int.from_bytes(self._data[at : at + length], order)  # type: ignore[arg-type]

    def read(self, at: int, wanted: frozenset[int]) -> Iterator[tuple[int, Any]]:
        """The first value of each wanted tag of the folder at that offset."""
        counted, entry, word = (8, 20, 8) if self._big else (2, 12, 4)
        at += self._start
        seen: set[int] = set()
        first = at + counted
        for i in range(min(self.number(at, counted), MAX_TAGS)):
            place = first + i * entry
            tag = self.number(place, 2)
            if tag in wanted and tag not in seen and place + entry <= len(self._data):
                value = self._value(place, word)
                if value is not None:
                    seen.add(tag)
                    yield tag, value

    def _value(self, place: int, word: int) -> Any:
        size, letters = _TYPES.get(self.number(place + 2, 2), (0, ""))
        count = self.number(place + 4, word)
        at, total = place + 4 + word, size * count
        if not 0 < total <= MAX_VALUE:
            return None
        if total > word:
            at = self._start + self.number(at, word)
        raw = self._data[at : at + total]
        if len(raw) != total or not letters:
            # A text that is cut is still one.
            return raw if raw and not letters else None
        values = struct.unpack(f"{self._order}{letters * min(count, _MOST)}", raw[: size * _MOST])
        if len(letters) == 2:
            pairs = zip(values[::2], values[1::2], strict=True)
            values = tuple(a / b if b else float("nan") for a, b in pairs)
        return values[0] if len(values) == 1 else values


_MOST = 16  # numbers of one tag; places and ratings have three at most
