"""IPTC keywords, as agencies and older programs write them."""

from __future__ import annotations

from vitrail.indexer.images.containers.parts import decode_text

MAX_RECORDS = 10_000
_KEYWORDS, _ENCODING = (2, 25), (1, 90)
_UTF8 = b"\x1b%G"
_BLOCK = 0x0404


def read_keywords(data: bytes) -> list[str]:
    """The keywords of IPTC records, bare or in Photoshop's blocks; raises nothing."""
    records = list(_records(_unwrap(data)))
    utf8 = any(kind == _ENCODING and value == _UTF8 for kind, value in records)
    return [
        value.decode("utf-8", "replace") if utf8 else decode_text(value)
        for kind, value in records
        if kind == _KEYWORDS
    ]


def _unwrap(data: bytes) -> bytes:
    """The records in Photoshop's blocks: name, padded to even, length, and body, padded too."""
    at = 0
    for _ in range(MAX_RECORDS):
        if data[at : at + 4] != b"8BIM" or at + 7 > len(data):
            break
        start = at + 6 + (data[at + 6] + 2 & ~1)
        length = int.from_bytes(data[start : start + 4], "big")
        if int.from_bytes(data[at + 4 : at + 6], "big") == _BLOCK:
            return data[start + 4 : start + 4 + length]
        at = start + 4 + length + (length & 1)
    return data if at == 0 else b""


def _records(data: bytes) -> list[tuple[tuple[int, int], bytes]]:
    records: list[tuple[tuple[int, int], bytes]] = []
    at = 0
    while at + 5 <= len(data) and data[at] == 0x1C and len(records) < MAX_RECORDS:
        length = int.from_bytes(data[at + 3 : at + 5], "big")
        if length & 0x8000:  # an extended length, which no keyword has
            break
        records.append(((data[at + 1], data[at + 2]), data[at + 5 : at + 5 + length]))
        at += 5 + length
    return records
