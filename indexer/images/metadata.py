"""What a picture's file says about itself: date, camera, and text for the readers of recipes."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image

MAX_TEXT = 4 << 20
"""Characters of text metadata kept of one picture; ComfyUI's largest workflows are below it."""

_EXIF_IFD = 0x8769
_DATES = (
    ExifTags.Base.DateTimeOriginal,
    ExifTags.Base.DateTimeDigitized,
    ExifTags.Base.DateTime,
)
# Generators hide their parameters in all of these: ComfyUI's WebP in Make and Model,
# AUTOMATIC1111's JPEG in UserComment, Fooocus in UserComment and MakerNote.
_TEXTS = (
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.Software,
    ExifTags.Base.Artist,
    ExifTags.Base.Copyright,
    ExifTags.Base.UserComment,
    ExifTags.Base.MakerNote,
    ExifTags.Base.XPTitle,
    ExifTags.Base.XPComment,
)
_UTF16 = (ExifTags.Base.XPTitle, ExifTags.Base.XPComment)
_DATE = re.compile(r"(\d{4})[:\-/.](\d\d)[:\-/.](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_CAMERA_LENGTH = 64


def read_exif(image: Image.Image) -> dict[int, Any]:
    """EXIF tags of the picture and of its Exif folder in one, empty where there are none.

    Damaged EXIF is no reason to lose the picture, so whatever it makes Pillow raise is dropped.
    """
    try:
        exif = image.getexif()
        tags: dict[int, Any] = dict(exif)
    except Exception:
        return {}
    try:
        tags.update(exif.get_ifd(_EXIF_IFD))
    except Exception:
        return tags
    return tags


def taken_at(exif: dict[int, Any]) -> datetime | None:
    """When the picture was taken, in naive local time: original, else digitised, else changed."""
    for tag in _DATES:
        match = _DATE.match(_as_text(exif.get(tag)).strip())
        if match:
            try:
                return datetime(*(int(part) for part in match.groups()))  # type: ignore[arg-type]
            except ValueError:  # 0000:00:00 and the like
                continue
    return None


def camera(exif: dict[int, Any]) -> str | None:
    """Make and model in one, such as ``Canon EOS R5``, the make not said twice."""
    make, model = (
        " ".join(_as_text(exif.get(tag)).split())
        for tag in (ExifTags.Base.Make, ExifTags.Base.Model)
    )
    if max(len(make), len(model)) > _CAMERA_LENGTH or "{" in make + model:
        return None  # a generator's parameters
    first = make.split(" ")[0].casefold()
    if model.casefold().startswith((make.casefold(), first + " ")):
        make = ""
    return f"{make} {model}".strip() or None


def read_text(image: Image.Image, exif: dict[int, Any]) -> dict[str, str]:
    """Text metadata by name, raw, of at most ``MAX_TEXT`` characters in all.

    PNG chunks have their keyword, EXIF entries their tag's name (``UserComment``), XMP is ``xmp``,
    and a JPEG's or GIF's comment is ``comment``. Of a loaded picture: PNG text may follow the
    pixels.
    """
    texts: dict[str, str] = {}
    left = MAX_TEXT
    for name, text in _texts(image, exif):
        if text and name not in texts and len(text) <= left:
            texts[name] = text
            left -= len(text)
    return texts


def _texts(image: Image.Image, exif: dict[int, Any]) -> Iterator[tuple[str, str]]:
    for name, text in getattr(image, "text", {}).items():
        yield str(name), str(text)
    for tag in _TEXTS:
        if tag in exif:
            yield tag.name, _decode_tag(tag, exif[tag])
    for key, name in (("xmp", "xmp"), ("XML:com.adobe.xmp", "xmp"), ("comment", "comment")):
        yield name, _as_text(image.info.get(key))


def _decode_tag(tag: ExifTags.Base, value: Any) -> str:
    if tag == ExifTags.Base.UserComment and isinstance(value, bytes):
        return decode_comment(value)
    if tag in _UTF16 and isinstance(value, bytes | tuple):
        return bytes(value).decode("utf-16-le", "replace").rstrip("\0")
    if tag == ExifTags.Base.MakerNote and isinstance(value, bytes) and not _is_text(value):
        return ""  # a camera's own binary
    return _as_text(value).strip()


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
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            value = value.decode("latin-1")
    return value.rstrip("\0") if isinstance(value, str) else ""


def drop_png_texts(data: bytes) -> bytes:
    """The same PNG without its texts and profile, which Pillow limits to a megabyte.

    For pictures that are good but for an oversized text.
    """
    kept, at = [data[:8]], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        end = at + 12 + length
        if data[at + 4 : at + 8] not in (b"zTXt", b"iTXt", b"iCCP", b"tEXt"):
            kept.append(data[at:end])
        at = end
    return b"".join(kept)
