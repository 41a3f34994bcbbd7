"""Dates, cameras and texts that files carry."""

from __future__ import annotations

import zlib
from datetime import datetime

import pytest
from PIL import ExifTags, Image, PngImagePlugin

from tests.badfiles import (
    encode,
    picture,
    png_chunk,
)
from vitrail.indexer.images import metadata
from vitrail.indexer.images.opening import open_image


def exif_of(tags: dict[int, object], inner: dict[int, object] | None = None) -> Image.Exif:
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    for tag, value in (inner or {}).items():
        exif.get_ifd(ExifTags.IFD.Exif)[tag] = value
    return exif


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_date_and_camera(name: str) -> None:
    exif = exif_of(
        {ExifTags.Base.Make: "Canon", ExifTags.Base.Model: "Canon EOS R5"},
        {ExifTags.Base.DateTimeOriginal: "2024:02:29 13:45:59"},
    )
    opened = open_image(encode(picture(), name, exif=exif))
    assert opened.taken_at == datetime(2024, 2, 29, 13, 45, 59)
    assert opened.camera == "Canon EOS R5"


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("NIKON CORPORATION", "NIKON D850", "NIKON D850"),
        ("Apple", "iPhone 15", "Apple iPhone 15"),
        ("", "Pixel 8", "Pixel 8"),
        ("FUJIFILM ", " X-T5 \0", "FUJIFILM X-T5"),
        ("", "", None),
        ('workflow:{"a": 1}', 'prompt:{"b": 2}', None),
    ],
)
def test_cameras(make: str, model: str, camera: str | None) -> None:
    tags = {int(ExifTags.Base.Make): make, int(ExifTags.Base.Model): model}
    assert metadata.camera(tags) == camera


def test_dates_fall_back_and_nonsense_is_none() -> None:
    original, digitised = int(ExifTags.Base.DateTimeOriginal), int(ExifTags.Base.DateTimeDigitized)
    exif = {original: "0000:00:00 00:00:00", digitised: "2020-01-02 03:04:05"}
    assert str(metadata.taken_at(exif)) == "2020-01-02 03:04:05"
    assert metadata.taken_at({original: "    :  :     :  :  "}) is None
    assert metadata.taken_at({original: 7}) is None


@pytest.mark.parametrize(
    "value",
    [
        b"ASCII\0\0\0Steps: 20, red apple",
        b"UNICODE\0" + "Steps: 20, red apple".encode("utf-16-be"),
        b"UNICODE\0" + "Steps: 20, red apple".encode("utf-16-le"),
        b"UNICODE\0" + "Steps: 20, red apple".encode("utf-16"),
        b"\0" * 8 + b"Steps: 20, red apple\0\0",
        b"Steps: 20, red apple",
    ],
)
def test_user_comments(value: bytes) -> None:
    exif = exif_of({}, {ExifTags.Base.UserComment: value})
    for name in ("JPEG", "WEBP"):
        info = open_image(encode(picture(), name, exif=exif)).info
        assert info["UserComment"] == "Steps: 20, red apple"


def test_png_texts_also_those_after_the_pixels() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "red apple\nSteps: 20")
    texts.add_itxt("prompt", '{"苹果": 1}')
    texts.add_text("workflow", "x" * 2000, zip=True)
    data = encode(picture(), "PNG", pnginfo=texts)
    late = data[:-12] + png_chunk(b"tEXt", b"Comment\0late") + data[-12:]
    info = open_image(late).info
    assert info["parameters"] == "red apple\nSteps: 20"
    assert info["prompt"] == '{"苹果": 1}'
    assert (info["workflow"], info["Comment"]) == ("x" * 2000, "late")


def test_comments_and_xmp() -> None:
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    info = open_image(encode(picture(), "JPEG", comment=b"caf\xe9", xmp=xmp)).info
    assert (info["comment"], info["xmp"]) == ("café", xmp.decode())
    assert open_image(encode(picture(), "GIF", comment=b"hello")).info["comment"] == "hello"


def test_an_oversized_text_costs_the_text_and_not_the_picture() -> None:
    data = encode(picture(), "PNG")
    huge = png_chunk(b"zTXt", b"k\0\0" + zlib.compress(b"y" * (80 << 20)))
    for at in (33, len(data) - 12):
        opened = open_image(data[:at] + huge + data[at:])
        assert opened.image.size == (48, 32)
        assert "k" not in opened.info


def test_text_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "MAX_TEXT", 10)
    texts = PngImagePlugin.PngInfo()
    for key, value in (("a", "x" * 8), ("b", "x" * 8), ("c", "xx")):
        texts.add_text(key, value)
    assert open_image(encode(picture(), "PNG", pnginfo=texts)).info == {"a": "x" * 8, "c": "xx"}


# Files
