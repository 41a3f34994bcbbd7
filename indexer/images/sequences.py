"""Whether an image file holds more than the one image that is looked at, as its header tells."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, takewhile

from vitrail.indexer.images.containers import netpbm
from vitrail.indexer.images.facts import told_by_header
from vitrail.indexer.images.pages import items_are_several, jpeg_has_several

_MOST = 4096  # parts, or entries of a folder, that are looked at
_SUBFILE, _REDUCED = 254, 1  # tag of a TIFF's folder, and its bit for a smaller one of another
_EXTENSION, _FRAME, _TRAILER = b"!,;"
_BLANKS = b" \t\r\n\v\f\0"


def has_several(data: bytes) -> bool:
    """Whether a file holds several images: an animation, or pages; no pixel is decoded.

    Previews, gain maps, masks and the tiles of a grid are no images of their own. ``False`` where
    a header makes no sense, but ``True`` of AVIF and HEIF where it does not tell of one image.
    Unread are images below a page of a TIFF, further codestreams of JPEG 2000, and what is
    appended to a file without its header saying so, such as the film of a motion photo.

    Args:
        data: all bytes of the file.
    """
    return told_by_header(data, _tells)


def _tells(name: str, data: bytes) -> bool:
    if name == "PNG":
        return _png_is_animated(data)
    if name == "GIF":
        return len([*islice(_gif_frames(data), 2)]) == 2
    if name == "WEBP":
        return sum(kind == b"ANMF" for kind in _webp_chunks(data)) > 1
    if name == "TIFF":
        return len([*islice(_tiff_pages(data), 2)]) == 2
    if name == "PPM":
        end = netpbm.raster_end(data)
        # As text there are digits only: the next image begins with a letter.
        return bool(data[end:].strip(_BLANKS)) if end is not None else b"P" in data[2:]
    if name == "JPEG":
        return jpeg_has_several(data)
    return name in ("AVIF", "HEIF") and items_are_several(data)


def _png_is_animated(data: bytes) -> bool:
    """Whether there are several frames, or one beside an image that is none of them."""
    header = dict(takewhile(lambda chunk: chunk[0] != b"IDAT", _png_chunks(data)))
    frames = _number(data, header[b"acTL"] + 4, 4) if b"acTL" in header else 0
    return frames > 1 or (frames == 1 and b"fcTL" not in header)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int]]:
    """The kind of each chunk, and where it stands."""
    at = 8
    for _ in range(_MOST):
        yield data[at + 4 : at + 8], at + 4
        at += 12 + _number(data, at, 4)


def _webp_chunks(data: bytes) -> Iterator[bytes]:
    at = 12
    for _ in range(_MOST):
        if len(data) - at < 8:
            return
        yield data[at : at + 4]
        length = _number(data, at + 4, 4, "little")
        at += 8 + length + (length & 1)


def _gif_frames(data: bytes) -> Iterator[int]:
    """Where each frame starts, stray bytes passed over."""
    at = 13 + _colours(data[10])
    while (kind := data[at]) != _TRAILER:
        if kind == _FRAME:
            yield at
            at = _pass_blocks(data, at + 11 + _colours(data[at + 9]))
        else:
            at = _pass_blocks(data, at + 2) if kind == _EXTENSION else at + 1


def _colours(flags: int) -> int:
    """Bytes of a GIF's colour table."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _pass_blocks(data: bytes, at: int) -> int:
    while size := data[at]:
        at += 1 + size
    return at + 1


def _tiff_pages(data: bytes) -> Iterator[int]:
    """Where the folder of each image stands that is no smaller one of another."""
    order = "little" if data[:1] == b"I" else "big"
    big = b"+" in data[2:4]
    word, counted, entry = (8, 8, 20) if big else (4, 2, 12)
    at = _number(data, 8 if big else 4, word, order)
    for _ in range(_MOST):
        if not 0 < at < len(data):
            return
        first, count = at + counted, _number(data, at, counted, order)
        places = [first + i * entry for i in range(min(count, _MOST))]
        kinds = [i for i in places if _number(data, i, 2, order) == _SUBFILE]
        value = 12 if big else 8
        if not any(_number(data, i + value, 4, order) & _REDUCED for i in kinds):
            yield at
        at = _number(data, first + count * entry, word, order)


def _number(data: bytes, at: int, length: int, order: str = "big") -> int:
    return int.from_bytes(data[at : at + length], order)  # type: ignore[arg-type]
