"""XMP packets: rating, keywords, place and orientation, out of XML that anybody may have written.

Python's expat is asked for nothing but start, end and text: a document type declaration ends the
reading, so that there are no entities to expand or to fetch, and the packet's size, its depth and
what is kept are bounded.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from xml.parsers import expat

MAX_KEYWORDS = 1000
MAX_WORD = 256
"""Characters of a keyword or of another value; a longer one is cut."""

_MAX_DEPTH = 100
_SUBJECT = "http://purl.org/dc/elements/1.1/ subject"
_ITEM = "http://www.w3.org/1999/02/22-rdf-syntax-ns# li"
_BOMS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8"))
_VALUES = {
    "http://ns.adobe.com/xap/1.0/ Rating": "rating",
    "http://ns.microsoft.com/photo/1.0/ Rating": "percent",
    "http://ns.microsoft.com/photo/1.0 Rating": "percent",
    "http://ns.adobe.com/exif/1.0/ GPSLatitude": "latitude",
    "http://ns.adobe.com/exif/1.0/ GPSLongitude": "longitude",
    "http://ns.adobe.com/tiff/1.0/ Orientation": "orientation",
}


@dataclass(slots=True)
class Xmp:
    """What a packet says, as text.

    Attributes:
        values: ``rating``, ``percent``, ``latitude``, ``longitude`` and ``orientation``.
        keywords: ``dc:subject``.
    """

    values: dict[str, str] = field(default_factory=dict)
    keywords: list[str] = field(default_factory=list)


def read_xmp(packet: bytes) -> Xmp:
    """Read a packet up to where it stops making sense; raises nothing."""
    found = Xmp()
    if packet:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        reading = _Reading(found)
        parser.StartElementHandler = reading.start
        parser.EndElementHandler = reading.end
        parser.CharacterDataHandler = reading.text
        parser.StartDoctypeDeclHandler = _refuse
        with contextlib.suppress(expat.ExpatError, ValueError):
            parser.Parse(_decode(packet), True)
    return found


def _decode(packet: bytes) -> str:
    """Text, so that expat takes no encoding that the packet itself asks for."""
    for mark, encoding in _BOMS:
        if packet.startswith(mark):
            return packet[len(mark) :].decode(encoding, "replace").rstrip("\0")
    return packet.decode("utf-8", "replace").strip("\0 \t\r\n")


def _refuse(*_: object) -> None:
    raise ValueError("a document type")


class _Reading:
    """The handlers; what is being read is the innermost value that was started."""

    def __init__(self, found: Xmp) -> None:
        self._found = found
        self._depth = 0
        self._subject = 0  # the depth at which it began
        self._name: str | None = None
        self._text = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError("too deep")
        for key, value in attributes.items():
            if key in _VALUES:
                self._keep(_VALUES[key], value)
        if name == _SUBJECT:
            self._subject = self._depth
        self._name = "keyword" if self._subject and name == _ITEM else _VALUES.get(name)
        self._text = ""

    def text(self, text: str) -> None:
        if self._name is not None and len(self._text) < MAX_WORD:
            self._text += text[:MAX_WORD]

    def end(self, _: str) -> None:
        if self._subject == self._depth:
            self._subject = 0
        self._depth -= 1
        if self._name is not None:
            self._keep(self._name, self._text)
        self._name = None

    def _keep(self, name: str, value: str) -> None:
        value = value.strip()[:MAX_WORD]
        if name != "keyword":
            self._found.values.setdefault(name, value)
        elif value and len(self._found.keywords) < MAX_KEYWORDS:
            self._found.keywords.append(value)
