"""Where an image was taken, in degrees, from EXIF or XMP."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from vitrail.indexer.images.exif import Gps

_XMP = re.compile(r"(\d{1,3})(?:[,.](\d{1,10}))?(?:[,.](\d{1,10}))?([NSEW])")
_XMP_MINUTES = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d{1,10})?)([NSEW])")
_VOID = b"V"


def read_position(
    gps: Mapping[int, Any], xmp: Mapping[str, str]
) -> tuple[float, float] | tuple[None, None]:
    """(latitude, longitude) in degrees north and east; both or neither.

    A number without its hemisphere is none, nor is what the receiver itself calls void, nor
    exactly 0, 0, which cameras without a fix write.

    Args:
        gps: values by ``exif.Gps``.
        xmp: ``Xmp.values``; asked where EXIF says nothing.
    """
    found = _exif(gps) or _from_xmp(xmp)
    if found is None or found == (0.0, 0.0) or abs(found[0]) > 90 or abs(found[1]) > 180:
        return None, None
    return found


def _exif(gps: Mapping[int, Any]) -> tuple[float, float] | None:
    status = gps.get(Gps.STATUS)
    if isinstance(status, bytes) and status[:1] == _VOID:
        return None
    latitude = _signed(gps.get(Gps.LATITUDE), gps.get(Gps.LATITUDE_REF), b"N", b"S")
    longitude = _signed(gps.get(Gps.LONGITUDE), gps.get(Gps.LONGITUDE_REF), b"E", b"W")
    return None if latitude is None or longitude is None else (latitude, longitude)


def _signed(value: Any, reference: Any, positive: bytes, negative: bytes) -> float | None:
    """Degrees, minutes and seconds, of which the last may be missing, by their hemisphere."""
    side = reference[:1].upper() if isinstance(reference, bytes) else b""
    parts = value if isinstance(value, tuple) else (value,)
    if side not in (positive, negative) or not 1 <= len(parts) <= 3:
        return None
    degrees = 0.0
    for part, share in zip(parts, (1, 60, 3600), strict=False):
        if not isinstance(part, int | float):
            return None
        degrees += part / share
    if not math.isfinite(degrees):
        return None
    return degrees if side == positive else -degrees


def _from_xmp(xmp: Mapping[str, str]) -> tuple[float, float] | None:
    latitude, longitude = (_written(xmp.get(name, "")) for name in ("latitude", "longitude"))
    return None if latitude is None or longitude is None else (latitude, longitude)


def _written(text: str) -> float | None:
    """``51,30,12N`` or ``51,30.2N``."""
    text = text.strip().upper()
    if match := _XMP_MINUTES.fullmatch(text):
        degrees, minutes, seconds, side = match[1], match[2], "0", match[3]
    elif match := _XMP.fullmatch(text):
        degrees, minutes, seconds, side = match[1], match[2] or "0", match[3] or "0", match[4]
    else:
        return None
    total = int(degrees) + float(minutes) / 60 + int(seconds) / 3600
    return total if side in "NE" else -total
