"""What an image's file says about itself: date, camera, and text for the readers of recipes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from vitrail.indexer.images.containers.parts import Container, decode_text
from vitrail.indexer.images.exif import Tag

MAX_TEXT = 4 << 20
"""Characters of text metadata kept of one image; ComfyUI's largest workflows are below it."""

_DATES = (Tag.DATE_ORIGINAL, Tag.DATE_DIGITIZED, Tag.DATE)
# Generators hide their parameters in all of these: ComfyUI's WebP in Make and Model,
# AUTOMATIC1111's JPEG in UserComment, Fooocus in UserComment and MakerNote.
_TEXTS = {
    Tag.DESCRIPTION: "ImageDescription",
    Tag.MAKE: "Make",
    Tag.MODEL: "Model",
    Tag.SOFTWARE: "Software",
    Tag.ARTIST: "Artist",
    Tag.COPYRIGHT: "Copyright",
    Tag.USER_COMMENT: "UserComment",
    Tag.MAKER_NOTE: "MakerNote",
    Tag.XP_TITLE: "XPTitle",
    Tag.XP_COMMENT: "XPComment",
}
_UTF16 = (Tag.XP_TITLE, Tag.XP_COMMENT)
_DATE = re.compile(r"(\d{4})[:\-/.](\d\d)[:\-/.](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_LONGEST_DATE = 64
_CAMERA_LENGTH = 64


def taken_at(exif: Mapping[int, Any]) -> datetime | None:
    """When the image was taken, in naive local time: original, else digitised, else changed."""
    for tag in _DATES:
        match = _DATE.match(_as_text(exif.get(tag))[:_LONGEST_DATE].strip())
        if match:
            try:
                return datetime(*(int(part) for part in match.groups()))  # type: ignore[arg-type]
            except ValueError:  # 0000:00:00 and the like
                continue
    return None


def camera(exif: Mapping[int, Any]) -> str | None:
    """Make and model in one, such as ``Canon EOS R5``, the make not said twice."""
    make, model = (" ".join(_as_text(exif.get(tag)).split()) for tag in (Tag.MAKE, Tag.MODEL))
    if max(len(make), len(model)) > _CAMERA_LENGTH or "{" in make + model:
        return None  # a generator's parameters
    first = make.split(" ")[0].casefold()
    if model.casefold().startswith((make.casefold(), first + " ")):
        make = ""
    return f"{make} {model}".strip() or None


def read_text(container: Container, exif: Mapping[int, Any]) -> dict[str, str]:
    """Text metadata by name, raw, of at most ``MAX_TEXT`` characters in all.

    PNG chunks have their keyword, EXIF entries their tag's name (``UserComment``), XMP is ``xmp``,
    and a JPEG's or GIF's comment is ``comment``.
    """
    texts: dict[str, str] = {}
    left = MAX_TEXT
    for name, text in _texts(container, exif):
        if text and name not in texts and len(text) <= left:
            texts[name] = text
            left -= len(text)
    return texts


def _texts(container: Container, exif: Mapping[int, Any]) -> Iterator[tuple[str, str]]:
    yield from container.texts.items()
    for tag, name in _TEXTS.items():
        if tag in exif:
            yield name, _decode_tag(tag, exif[tag])
    yield "xmp", decode_text(container.xmp)


def _decode_tag(tag: Tag, value: Any) -> str:
    if tag == Tag.USER_COMMENT and isinstance(value, bytes):
        return decode_comment(value)
    if tag in _UTF16 and isinstance(value, bytes):
        return decode_wide(value)
    if tag == Tag.MAKER_NOTE and isinstance(value, bytes) and not _is_text(value):
        return ""  # a camera's own binary
    return _as_text(value).strip()


def decode_wide(value: bytes) -> str:
    """Text of the tags that Windows writes."""
    return value.decode("utf-16-le", "replace").rstrip("\0")


def decode_comment(value: bytes) -> str:
    """Text of an EXIF UserComment, whose first eight bytes name the encoding.

    ``UNICODE`` does not say which byte order it means, and writers differ from the EXIF header's:
    a byte order mark decides, else the side on which the zero bytes are.
    """
    code, body = value[:8].rstrip(b"\0 "), value[8:]
    if code == b"UNICODE":
        if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return body.decode("utf-16", "replace").rstrip("\0")
        big = body[::2].count(0) >= body[1::2].count(0)
        return body.decode("utf-16-be" if big else "utf-16-le", "replace").rstrip("\0")
    if code == b"JIS":
        return body.decode("iso2022_jp", "replace").rstrip("\0")
    return _as_text(body if code in (b"ASCII", b"") else value).strip()


def _is_text(value: bytes) -> bool:
    try:
        return value.rstrip(b"\0").decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return decode_text(value)
    return value.rstrip("\0") if isinstance(value, str) else ""
