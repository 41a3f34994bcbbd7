"""GIF blocks before the first frame."""

from __future__ import annotations

from vitrail.indexer.images.containers.parts import (
    MAX_EXIF,
    MAX_PARTS,
    Container,
    Texts,
    decode_text,
    refuse_parts,
)

_EXTENSION, _FRAME, _TRAILER = b"!", b",", b";"
_CONTROL, _COMMENT, _APPLICATION = 0xF9, 0xFE, 0xFF
_XMP_END = b"\x01\xff\xfe\xfd"  # the trailer that lets other readers skip it as blocks


def take_apart(data: bytes) -> Container:
    """The first frame from comments; see ``containers.take_apart``."""
    head = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    blocks = _Blocks(data)
    at = blocks.find_frame(head)
    # Frames may reach beyond the screen.
    size = [
        max(_number(data, 6 + i), _number(data, at + 1 + i) + _number(data, at + 5 + i))
        for i in (0, 2)
    ]
    view = memoryview(data)
    return Container(
        encoded=data if at == head else b"".join([view[:head], blocks.control, view[at:]]),
        size=(size[0], size[1]),
        depth=1,
        xmp=blocks.xmp,
        texts=blocks.texts(),
    )


def _number(data: bytes, at: int) -> int:
    return data[at] + (data[at + 1] << 8)


class _Blocks:
    """A walk to the first frame, and what was met on the way."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._comments = bytearray()
        self._parts = 0
        self.control, self.xmp = b"", b""

    def find_frame(self, at: int) -> int:
        """Where the first frame starts, stray bytes passed over."""
        while (kind := self._data[at : at + 1]) != _FRAME:
            self._count()
            if kind in (_TRAILER, b""):
                raise IndexError("no frame")
            at = self._take(at) if kind == _EXTENSION else at + 1
        return at

    def _take(self, at: int) -> int:
        """One extension; gives where the next block starts."""
        kind, start = self._data[at + 1], at + 2
        if kind == _APPLICATION and self._data[start + 1 : start + 12] == b"XMP DataXMP":
            end = self._data.find(_XMP_END, start + 12, start + 12 + MAX_EXIF)
            self.xmp = self.xmp or self._data[start + 12 : max(end, start + 12)]
        if kind == _CONTROL and self._data[start] == 4:
            self.control = self._data[at : start + 5] + b"\0"
        if kind == _COMMENT and self._comments:
            self._comments += b"\n"
        return self._pass_blocks(start, keep=kind == _COMMENT)

    def _pass_blocks(self, at: int, *, keep: bool) -> int:
        while size := self._data[at]:
            self._count()
            if keep and len(self._comments) < MAX_EXIF:
                self._comments += self._data[at + 1 : at + 1 + size]
            at += 1 + size
        return at + 1

    def _count(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise refuse_parts("GIF")

    def texts(self) -> Texts:
        texts = Texts()
        texts.keep("comment", decode_text(bytes(self._comments)))
        return texts
