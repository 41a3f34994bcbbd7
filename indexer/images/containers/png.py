"""PNG chunks."""

from __future__ import annotations

import zlib

from vitrail.indexer.images.containers.parts import (
    MAX_EXIF,
    MAX_INFLATED,
    MAX_PARTS,
    MAX_PROFILE,
    MAX_TEXT,
    MAX_TEXT_PARTS,
    Container,
    Texts,
    refuse_parts,
    refuse_texts,
)

_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_GROWTH = 1032  # bytes that one of deflate's may stand for
_DEPTHS = {0: 1, 3: 1}  # by colour type; grey of 16 bits has two bytes, all others have four
_XMP = "XML:com.adobe.xmp"


def take_apart(data: bytes) -> Container:
    """Pixels from texts and the rest; see ``containers.take_apart``.

    The default image is what counts, also of an animation.
    """
    if data[12:16] != b"IHDR" or len(data) < 29:
        raise ValueError("no IHDR")
    if zlib.crc32(data[12:29]) != int.from_bytes(data[29:33], "big"):
        raise ValueError("a damaged IHDR")  # whose size is not to be believed
    view = memoryview(data)
    chunks = _Chunks()
    kept: list[memoryview] = [view[:8]]
    at = 8
    for _ in range(MAX_PARTS):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + length
        if kind in _KEPT:
            kept.append(view[at:end])
        elif end <= len(data):
            chunks.take(kind, view[at + 8 : end - 4])
        if kind == b"IEND" or end > len(data) or len(data) - end < 8:
            return chunks.container(data, kept)
        at = end
    raise refuse_parts("PNG")


class _Chunks:
    """What the chunks that are no pixels said."""

    def __init__(self) -> None:
        self.texts = Texts()
        self.exif = self.icc = b""
        self._texts_seen = self._inflated = 0

    def take(self, kind: bytes, body: memoryview) -> None:
        """Take what a chunk says.

        Raises:
            ImageRejectedError: ``too-costly`` where there are more texts than any image has.
        """
        self._texts_seen += kind in _TEXTS
        if self._texts_seen > MAX_TEXT_PARTS:
            raise refuse_texts("PNG")
        if kind == b"tEXt":
            self._take_text(*_split(body, 0), zipped=False, encoding="latin-1")
        elif kind == b"zTXt":
            self._take_text(*_split(body, 1), zipped=True, encoding="latin-1")
        elif kind == b"iTXt":
            self._take_international(body)
        elif kind == b"eXIf" and len(body) <= MAX_EXIF:
            self.exif = bytes(body)
        elif kind == b"iCCP":
            self.icc = self._inflate(_split(body, 1)[1], MAX_PROFILE) or b""

    def _inflate(self, data: memoryview, most: int) -> bytes | None:
        """As ``inflate``, and all together no more than it may be, also of what is not kept."""
        self._inflated += min(most, len(data) * _GROWTH)
        if self._inflated > MAX_INFLATED:
            raise refuse_texts("PNG")
        return inflate(data, most)

    def _take_text(self, keyword: bytes, text: memoryview, *, zipped: bool, encoding: str) -> None:
        room = self.texts.room()
        if zipped:
            found = self._inflate(text, min(room, MAX_TEXT))
        else:
            found = bytes(text) if len(text) <= room else None
        if found:
            self.texts.keep(keyword.decode("latin-1"), found.decode(encoding, "replace"))

    def _take_international(self, body: memoryview) -> None:
        keyword, rest = _split(body, 2)
        flags = bytes(body[len(keyword) + 1 : len(keyword) + 3])
        for _ in range(2):  # the language, and the keyword in it
            _, rest = _split(rest, 0)
        self._take_text(keyword, rest, zipped=flags == b"\1\0", encoding="utf-8")

    def container(self, data: bytes, kept: list[memoryview]) -> Container:
        whole = sum(map(len, kept)) == len(data)
        texts = self.texts
        profiles = {name: _raw_profile(texts, name) for name in ("exif", "APP1", "iptc", "xmp")}
        return Container(
            encoded=data if whole else b"".join(kept),
            size=(int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")),
            depth=_DEPTHS.get(data[25], 4) * (2 if data[24] == 16 else 1),
            exif=self.exif or profiles["exif"] or profiles["APP1"],
            icc=self.icc,
            xmp=texts.pop(_XMP, "").encode("utf-8", "replace") or profiles["xmp"],
            iptc=profiles["iptc"],
            texts=texts,
        )


def _split(body: memoryview, skipped: int) -> tuple[bytes, memoryview]:
    """What stands before the first NUL, and what follows it and the bytes after it."""
    head = bytes(body[:_LONGEST])
    end = head.find(b"\0")
    return (head, body[:0]) if end < 0 else (head[:end], body[end + 1 + skipped :])


_LONGEST = 1 << 10  # of a keyword, or of its translation


def inflate(data: memoryview, most: int) -> bytes | None:
    """Inflated bytes, or ``None`` if they are damaged or more than ``most``."""
    try:
        found = zlib.decompressobj().decompress(data, most + 1)
    except zlib.error:
        return None
    return found if len(found) <= most else None


def _raw_profile(texts: Texts, kind: str) -> bytes:
    """What ImageMagick writes as hexadecimal text, after a line each of kind and length."""
    text = texts.pop(f"Raw profile type {kind}", "")
    try:
        return bytes.fromhex("".join(text.split("\n")[3:]))
    except ValueError:
        return b""
