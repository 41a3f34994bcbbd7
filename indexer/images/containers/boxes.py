"""ISO base media files (AVIF and HEIF): their items, and which of them is the image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from vitrail.indexer.images.containers.parts import MAX_EXIF, Container

MAX_BOXES = 10_000  # on one level; libheif refuses files of more than 1,000 items
_MAX_DEPTH = 8
_DEPTH = 20  # 10 to 12 measured at 8 bits; planes of 10 and 12 bits have twice as many bytes
_UPRIGHT, _TURNED = 1, 6


def walk(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end) of the contents of the boxes on one level."""
    for _ in range(MAX_BOXES):
        if at + 8 > end:
            return
        size, kind, start = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = int.from_bytes(data[start : start + 8], "big"), start + 8
        stop = end if size == 0 else at + size
        if not start <= stop <= end:
            return
        yield kind, start, stop
        at = stop


def take_apart(data: bytes) -> Container:
    """The file as it is; see ``containers.take_apart``."""
    items = _Items(data)
    size, turned = items.size()
    return Container(
        encoded=data,
        size=size,
        # What a decoder does by itself; EXIF's orientation does not count in these formats.
        orientation=_TURNED if turned else _UPRIGHT,
        exif=_after_offset(items.content(b"Exif")),
        xmp=items.content(b"mime"),
        depth=_DEPTH,
        tame=False,
    )


def _after_offset(exif: bytes) -> bytes:
    return exif[4 + int.from_bytes(exif[:4], "big") :]


@dataclass(slots=True)
class _Items:
    """The tables of a ``meta`` box."""

    data: bytes
    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    places: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    inside: set[int] = field(default_factory=set)  # whose places count from the ``idat`` box
    shapes: list[tuple[bytes, bytes]] = field(default_factory=list)
    shaped: dict[int, list[int]] = field(default_factory=dict)
    own: int = 0  # where the ``idat`` box starts
    track: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self._read(0, len(self.data), 0)

    def size(self) -> tuple[tuple[int, int], bool]:
        """(width, height) as stored, and whether it lies on its side."""
        size, turned = self.track, False
        for index in self.shaped.get(self.primary, []):
            kind, body = self.shapes[index - 1] if 0 < index <= len(self.shapes) else (b"", b"")
            if kind == b"ispe":
                size = _number(body, 4, 4), _number(body, 8, 4)
            elif kind == b"clap" and size and b"avif" not in self.data[8:32]:
                size = _clapped(body, size)
            elif kind == b"irot":
                turned = bool(_number(body, 0, 1) & 1)
        if size is None:
            raise ValueError("no size")
        return size, turned

    def content(self, kind: bytes) -> bytes:
        """The first item of a kind, if it is not too long."""
        for item, its_kind in self.kinds.items():
            places = self.places.get(item, [])[:_MOST_PLACES]
            if its_kind == kind and sum(length for _, length in places) <= MAX_EXIF:
                own = self.own if item in self.inside else 0
                return b"".join(self.data[own + at : own + at + length] for at, length in places)
        return b""

    def _read(self, at: int, end: int, depth: int) -> None:
        for kind, start, stop in walk(self.data, at, end):
            inner = _INNER.get(kind)
            if inner is not None and depth < _MAX_DEPTH:
                self._read(start + inner, stop, depth + 1)
            elif kind == b"ipco":
                found = walk(self.data, start, stop)
                self.shapes = [(one, self.data[i : min(j, i + 64)]) for one, i, j in found]
            elif kind == b"idat":
                self.own = start
            elif kind in _READERS:
                _READERS[kind](self, self.data[start : min(stop, start + _LARGEST)])


_INNER = {b"meta": 4, b"iprp": 0, b"moov": 0, b"trak": 0}  # bytes before the boxes inside
_LARGEST = 1 << 20  # bytes of a table
_MOST_PLACES = 1000  # of one item


def _read_primary(items: _Items, body: bytes) -> None:
    items.primary = _number(body, 4, 2 if body[0] == 0 else 4)


def _read_kinds(items: _Items, body: bytes) -> None:
    for kind, start, stop in walk(body, 6 if body[0] == 0 else 8, len(body)):
        if kind == b"infe" and body[start] in (2, 3):
            wide = 2 * (body[start] - 1)
            at = start + 4 + wide + 2
            its_kind = body[at : at + 4]
            if its_kind != b"mime" or b"application/rdf+xml\0" in body[at:stop]:
                items.kinds[_number(body, start + 4, wide)] = its_kind


def _read_places(items: _Items, body: bytes) -> None:
    version = body[0]
    offset, length, base, index = body[4] >> 4, body[4] & 15, body[5] >> 4, body[5] & 15
    wide = 4 if version == 2 else 2
    at = 6 + wide
    for _ in range(min(_number(body, 6, wide), MAX_BOXES)):
        item, at = _number(body, at, wide), at + wide
        method = _number(body, at, 2) & 15 if version else 0
        at += 4 if version else 2
        start, extents = _number(body, at, base), _number(body, at + base, 2)
        at += base + 2
        each = offset + length + (index if version else 0)
        places = [
            (
                start + _number(body, i + each - offset - length, offset),
                _number(body, i + each - length, length),
            )
            for i in range(at, min(at + extents * each, len(body) - each + 1), max(each, 1))
        ]
        at += extents * each
        if method < 2:
            items.places[item] = places
        if method == 1:
            items.inside.add(item)
        if at >= len(body):
            return


def _read_shaped(items: _Items, body: bytes) -> None:
    wide, step = (2 if body[0] == 0 else 4), 1 + (body[3] & 1)
    at = 8
    for _ in range(min(_number(body, 4, 4), MAX_BOXES)):
        item, count = _number(body, at, wide), _number(body, at + wide, 1)
        at += wide + 1
        mask = (1 << (8 * step - 1)) - 1  # the first bit says that it is essential
        items.shaped[item] = [_number(body, at + i * step, step) & mask for i in range(count)]
        at += count * step


def _read_track(items: _Items, body: bytes) -> None:
    """Animations may have no items: the first track then tells the size, in 16.16 fixed point."""
    size = _number(body, len(body) - 8, 4) >> 16, _number(body, len(body) - 4, 4) >> 16
    if items.track is None and min(size) > 0:
        items.track = size


_READERS = {
    b"pitm": _read_primary,
    b"iinf": _read_kinds,
    b"iloc": _read_places,
    b"ipma": _read_shaped,
    b"tkhd": _read_track,
}


def _clapped(body: bytes, size: tuple[int, int]) -> tuple[int, int]:
    """The size after cropping by a clean aperture."""
    numbers = [_number(body, at, 4) for at in (0, 4, 8, 12)]
    if not numbers[1] or not numbers[3]:
        return size
    return min(size[0], numbers[0] // numbers[1]), min(size[1], numbers[2] // numbers[3])


def _number(body: bytes, at: int, length: int) -> int:
    return int.from_bytes(body[max(at, 0) : max(at, 0) + length], "big")
