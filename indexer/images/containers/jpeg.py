"""JPEG segments."""

from __future__ import annotations

import re

from vitrail.indexer.images.containers.parts import (
    MAX_EXIF,
    MAX_PARTS,
    MAX_PROFILE,
    MAX_TEXT,
    Container,
    Texts,
    decode_text,
    refuse_parts,
)

# Two bytes that cannot overlap with themselves: runs of 0xFF and junk are passed in one sweep.
_MARKER = re.compile(rb"\xff([^\xff\x00])", re.DOTALL)
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # without a length
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD})
_XMP = b"http://ns.adobe.com/xap/1.0/\0"


def take_apart(data: bytes) -> Container:
    """Frames and tables from metadata; see ``containers.take_apart``."""
    segments = _Segments()
    at = 2
    for _ in range(MAX_PARTS):
        marker = _MARKER.search(data, at)
        if marker is None or marker[1] == b"\xd9":
            raise IndexError("no scan")
        code, start = data[marker.start() + 1], marker.start()
        if code == 0xDA:
            return segments.container(data, start)
        at = start + 2
        if code not in _BARE and code >= 0xC0:
            at += int.from_bytes(data[at : at + 2], "big")
            segments.take(code, data[start + 4 : at], data[start:at])
    raise refuse_parts("JPEG")


class _Segments:
    """What the segments before the first scan said."""

    def __init__(self) -> None:
        self.kept: list[bytes] = [b"\xff\xd8"]
        self.size: tuple[int, int] | None = None
        self.blocks = 0  # coefficients a pixel, times 64
        self.components = 0
        self.progressive = False
        self.exif, self.xmp, self.iptc = bytearray(), b"", bytearray()
        self.profile: list[bytes] = []
        self.profile_size = 0
        self.texts = Texts()

    def take(self, code: int, body: bytes, whole: bytes) -> None:
        if code in _FRAMES:
            self._take_frame(code, body)
            self.kept.append(whole)
        elif code in _TABLES or (code, body[:5]) in ((0xE0, b"JFIF\0"), (0xEE, b"Adobe")):
            self.kept.append(whole)
        elif code == 0xE1 and body[:5] == b"Exif\0":
            # The first one has its header checked by its reader; later ones go on from there.
            _extend(self.exif, body if not self.exif else body[6:], MAX_EXIF)
        elif code == 0xE1 and body.startswith(_XMP):
            self.xmp = self.xmp or body[len(_XMP) :]
        elif code == 0xED and body.startswith(b"Photoshop 3.0\0"):
            _extend(self.iptc, body[14:], MAX_EXIF)
        elif code == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
            self.profile_size += len(body)
            if self.profile_size <= MAX_PROFILE:
                self.profile.append(body)
        elif code == 0xFE and len(body) <= MAX_TEXT:
            self.texts["comment"] = decode_text(body)

    def _take_frame(self, code: int, body: bytes) -> None:
        height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
        if self.size is None or width * height > self.size[0] * self.size[1]:
            self.size = width, height
        samples = [body[i + 1] for i in range(6, min(len(body) - 2, 6 + 3 * body[5]), 3)]
        factors = [(max(1, one >> 4), max(1, one & 15)) for one in samples]
        widest = max((h for h, _ in factors), default=1) * max((v for _, v in factors), default=1)
        shares = sum(64 * h * v for h, v in factors) // widest
        self.blocks = max(self.blocks, shares)
        self.components = max(self.components, body[5])
        self.progressive |= code in _PROGRESSIVE

    def container(self, data: bytes, scan: int) -> Container:
        if self.size is None:
            raise ValueError("a scan without a frame")
        scans = data.count(b"\xff\xda", scan)
        # Beyond one scan libjpeg keeps every coefficient, two bytes each, scaled down or not.
        whole = self.progressive or scans > 1
        return Container(
            encoded=b"".join([*self.kept, memoryview(data)[scan:]]),
            size=self.size,
            exif=bytes(self.exif),
            icc=self._icc(),
            xmp=self.xmp,
            iptc=bytes(self.iptc),
            texts=self.texts,
            scans=scans,
            depth=1 if self.components == 1 else 4,
            held=self.size[0] * self.size[1] * 2 * self.blocks // 64 if whole else 0,
        )

    def _icc(self) -> bytes:
        parts = sorted(self.profile)  # by sequence number
        if parts and len(parts[0]) > 13 and parts[0][13] == len(parts):
            return b"".join(part[14:] for part in parts)
        return b""


def _extend(whole: bytearray, part: bytes, most: int) -> None:
    if len(whole) + len(part) <= most:
        whole += part
