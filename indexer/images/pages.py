"""Whether a JPEG, AVIF or HEIF file holds several images, as the tables of its items tell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vitrail.indexer.images.containers.boxes import walk

_MOST = 4096  # segments, entries and bytes of brands that are looked at

_SEQUENCES = frozenset({b"avis", b"msf1", b"hevc", b"hevx", b"hevm", b"hevs"})  # brands
_NO_IMAGES = frozenset({b"Exif", b"mime", b"uri ", b"rgan", b"text", b"mski", b"tmap"})
"""Kinds of items: metadata, regions, masks, and a base once more with its gain map."""
_ASSEMBLED = frozenset({b"grid", b"tmap"})  # kinds of items that others are parts of

_MARKER = re.compile(rb"\xff([^\xff\x00])", re.DOTALL)
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_APP2, _SCAN, _END = 0xE2, 0xDA, 0xD9
_ENTRIES = 0xB002  # tag of the table of images, by CIPA DC-007
_SHOWN = frozenset({0x020001, 0x020002, 0x020003})  # of a panorama, in stereo, from all sides
_UNDEFINED = 0
_NO_IMAGE_OF_ITS_OWN = re.compile(rb"hdrgm|(?i:gainmap)|AuxiliaryImageType|:ts:21496:")
"""What a gain map, a depth map or a matte says of itself, in its XMP or its segments."""
_SAID = 1 << 16  # bytes at its beginning within which it does


def items_are_several(data: bytes) -> bool:
    """Whether an AVIF or HEIF file has frames, or other than one image that is shown for itself.

    Hidden items, thumbnails, auxiliary images and the parts of a grid are not.

    Args:
        data: all bytes of the file.
    """
    boxes = {kind: (start, stop) for kind, start, stop in walk(data, 0, len(data))}
    start, stop = boxes.get(b"ftyp", (0, 0))
    brands = {data[at : at + 4] for at in (start, *range(start + 8, min(stop, start + _MOST), 4))}
    if brands & _SEQUENCES or b"moov" in boxes or b"meta" not in boxes:
        return True
    start, stop = boxes[b"meta"]
    tables = {kind: (at, end) for kind, at, end in walk(data, start + 4, stop)}
    if b"pitm" not in tables:
        return True
    at, _ = tables[b"pitm"]
    primary = _number(data, at + 4, _wide(data, at))
    shown: set[int] = set()
    kinds: dict[int, bytes] = {}
    for item, kind, hidden in _items(data, *tables.get(b"iinf", (0, 0))):
        kinds[item] = kind
        if not hidden and kind not in _NO_IMAGES:
            shown.add(item)
    for kind, item, others in _references(data, *tables.get(b"iref", (0, 0))):
        if kind in (b"thmb", b"auxl"):
            shown.discard(item)
        elif kind == b"dimg" and kinds.get(item) in _ASSEMBLED:
            shown.difference_update(others)
    # The image itself may be hidden, or part of an item that adds a gain map to it.
    return primary not in kinds or bool(shown - {primary})


def jpeg_has_several(data: bytes) -> bool:
    """Whether a JPEG file's table of further images has one that is shown for itself.

    Large previews are not, nor what says that it is a gain map or another auxiliary image.

    Args:
        data: all bytes of the file.
    """
    return any(
        _is_shown(data, kind, place)
        for base in _tables(data)
        for kind, place in _entries(data, base)
    )


def _is_shown(data: bytes, kind: int, place: int) -> bool:
    if kind in _SHOWN:
        return True
    # Some programs, such as Pillow, say of none what it is; phones, of their gain maps.
    if kind != _UNDEFINED or data[place : place + 2] != b"\xff\xd8":
        return False
    return _NO_IMAGE_OF_ITS_OWN.search(data, place, place + _SAID) is None


def _tables(data: bytes) -> Iterator[int]:
    """Where the table of images starts, from which its places count."""
    at = 2
    for _ in range(_MOST):
        marker = _MARKER.search(data, at)
        if marker is None or marker[1][0] in (_SCAN, _END):
            return
        at = marker.end()
        if marker[1][0] == _APP2 and data[at + 2 : at + 6] == b"MPF\0":
            yield at + 6
        if marker[1][0] not in _BARE:
            at += _number(data, at, 2)


def _entries(data: bytes, base: int) -> Iterator[tuple[int, int]]:
    """The type of each image after the first, and where it is."""
    order = "little" if data[base : base + 1] == b"I" else "big"
    folder = base + _number(data, base + 4, 4, order)
    for entry in range(min(_number(data, folder, 2, order), _MOST)):
        at = folder + 2 + 12 * entry
        if _number(data, at, 2, order) == _ENTRIES:
            length, start = _number(data, at + 4, 4, order), _number(data, at + 8, 4, order)
            for one in range(base + start + 16, base + start + min(length, 16 * _MOST), 16):
                kind = _number(data, one, 4, order) & 0xFFFFFF
                yield kind, base + _number(data, one + 8, 4, order)


def _wide(data: bytes, at: int) -> int:
    """Bytes of an item's number in a table, by the version that it begins with."""
    return 2 if data[at : at + 1] == b"\0" else 4


def _items(data: bytes, start: int, stop: int) -> Iterator[tuple[int, bytes, bool]]:
    """The number of each item, its kind, and whether it is hidden."""
    for kind, at, _ in walk(data, start + 4 + _wide(data, start), stop):
        if kind == b"infe":
            wide = 4 if data[at : at + 1] == b"\3" else 2
            name = at + 4 + wide + 2
            hidden = bool(_number(data, at + 3, 1) & 1)
            yield _number(data, at + 4, wide), data[name : name + 4], hidden


def _references(data: bytes, start: int, stop: int) -> Iterator[tuple[bytes, int, list[int]]]:
    """The kind of each reference, the item that it is from, and those that it leads to."""
    wide = _wide(data, start)
    for kind, at, end in walk(data, start + 4, stop):
        first = at + wide + 2
        last = min(first + wide * _number(data, at + wide, 2), end)
        yield (
            kind,
            _number(data, at, wide),
            [_number(data, one, wide) for one in range(first, last, wide)],
        )


def _number(data: bytes, at: int, length: int, order: str = "big") -> int:
    return int.from_bytes(data[at : at + length], order)  # type: ignore[arg-type]
