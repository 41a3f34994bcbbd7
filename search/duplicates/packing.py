"""Looks as bytes, for those that do not stay in memory."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vitrail.search.duplicates.frames import Rectangle
from vitrail.search.duplicates.gists import SIDE, SMALL, PackedGists
from vitrail.search.duplicates.keypoints import DESCRIBED, Keypoints
from vitrail.search.duplicates.looks import Look

# width and height of the small pixels and of the image; the inner part; how many corners; whether
# there is a gist of the inner part, and how many there are of halves
_HEADER = struct.Struct("<2I2I4IIBB")


def pack_look(look: Look) -> bytes:
    """A look as bytes, of this machine's order; some 100 KB."""
    corners, gists = look.keypoints, look.packed
    header = _HEADER.pack(
        *look.frame,
        *look.size,
        *look.inner,
        len(corners.points),
        gists.inner is not None,
        len(gists.halves),
    )
    arrays: list[NDArray[np.generic]] = [look.gist, look.luma, look.chroma]
    arrays += [corners.points, corners.scales, corners.angles, corners.descriptors]
    arrays += [gists.whole, *([] if gists.inner is None else [gists.inner]), *gists.halves]
    return header + b"".join(np.ascontiguousarray(each).tobytes() for each in arrays)


def unpack_look(data: bytes) -> Look:
    """The look that was packed; its arrays are read-only, and all hold these bytes."""
    width, height, *rest, count, framed, halves = _HEADER.unpack_from(data)
    size, inner = (rest[0], rest[1]), Rectangle(*rest[2:])
    taken = _Taken(data, _HEADER.size)
    gist = taken.floats(SIDE, SIDE)
    luma = taken.bytes(height, width)
    chroma = taken.bytes((height + 1) // 2, (width + 1) // 2, 2)
    corners = Keypoints(
        taken.floats(count, 2),
        taken.floats(count),
        taken.floats(count),
        taken.bytes(count, DESCRIBED),
        (width, height),
    )
    whole, *parts = taken.gists(1 + framed + halves)
    gists = PackedGists(whole, parts[0] if framed else None, tuple(parts[framed:]))
    return Look(luma, chroma, corners, size, gist, inner, gists)


class _Taken:
    """Arrays out of bytes, one after the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def floats(self, *shape: int) -> NDArray[np.float32]:
        return self._next(np.dtype(np.float32), shape)

    def bytes(self, *shape: int) -> NDArray[np.uint8]:
        return self._next(np.dtype(np.uint8), shape)

    def gists(self, count: int) -> Iterator[NDArray[np.int8]]:
        for _ in range(count):
            yield self._next(np.dtype(np.int8), (SMALL * SMALL,))

    def _next(self, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> NDArray:  # type: ignore[type-arg]
        count = int(np.prod(shape))
        found = np.frombuffer(self._data, dtype, count, self._at).reshape(shape)
        self._at += count * dtype.itemsize
        return found
