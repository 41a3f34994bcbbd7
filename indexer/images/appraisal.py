"""What people said about an image in its file: stars and keywords, from EXIF, XMP and IPTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vitrail.indexer.images.exif import Tag
from vitrail.indexer.images.iptc import read_keywords as read_iptc
from vitrail.indexer.images.metadata import decode_wide
from vitrail.indexer.images.xmp import MAX_KEYWORDS, MAX_WORD, Xmp

_LEAST, _MOST = -1, 5


def read_rating(exif: Mapping[int, Any], xmp: Mapping[str, str]) -> int | None:
    """Stars, 0 to 5, or -1 for "rejected"; what XMP says goes before EXIF, as newer programs do.

    Windows also writes percents (1, 25, 50, 75, 99), which count where no stars are given.

    Args:
        exif: values by ``exif.Tag``.
        xmp: ``Xmp.values``.
    """
    for value in (xmp.get("rating"), exif.get(Tag.RATING)):
        stars = _number(value)
        if stars is not None and _LEAST <= stars <= _MOST:
            return round(stars)
    for value in (xmp.get("percent"), exif.get(Tag.RATING_PERCENT)):
        percent = _number(value)
        if percent is not None and 0 <= percent <= 100:
            return min(_MOST, round(percent / 25 + 1)) if percent else 0
    return None


def read_keywords(exif: Mapping[int, Any], xmp: Xmp, iptc: bytes) -> tuple[str, ...]:
    """The keywords of XMP, IPTC and Windows, each once, in that order, white space made one."""
    found: dict[str, None] = {}
    for word in _all(exif, xmp, iptc):
        if len(found) >= MAX_KEYWORDS:
            break
        word = " ".join(word[:MAX_WORD].split())
        if word:
            found[word] = None
    return tuple(found)


def _all(exif: Mapping[int, Any], xmp: Xmp, iptc: bytes) -> Iterator[str]:
    yield from xmp.keywords
    yield from read_iptc(iptc)
    wide = exif.get(Tag.XP_KEYWORDS)
    yield from _parted(decode_wide(wide)) if isinstance(wide, bytes) else ()


def _parted(text: str) -> Iterable[str]:
    return text.split(";", MAX_KEYWORDS)[:MAX_KEYWORDS]


def _number(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except ValueError:
        return None
