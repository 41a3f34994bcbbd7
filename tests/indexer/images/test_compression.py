"""Files that surely keep every pixel are told by their headers; of others nothing is claimed."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from tests.search.duplicates.drawing import draw
from vitrail.indexer.images.compression import is_lossless


def _saved(image: Image.Image, kind: str, **how: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


KEEPING: dict[str, tuple[str, dict[str, Any]]] = {
    "png": ("PNG", {}),
    "bmp": ("BMP", {}),
    "ppm": ("PPM", {}),
    "webp": ("WEBP", {"lossless": True}),
    "webp with metadata": ("WEBP", {"lossless": True, "xmp": b"<x/>" * 9}),
    "animated webp": (
        "WEBP",
        {"lossless": True, "save_all": True, "append_images": [draw(2)], "minimize_size": False},
    ),
    "tiff": ("TIFF", {}),
    "tiff, deflate": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "tiff, lzw": ("TIFF", {"compression": "tiff_lzw"}),
}
LOSING: dict[str, tuple[str, dict[str, Any]]] = {
    "jpeg": ("JPEG", {"quality": 100}),
    "webp": ("WEBP", {"quality": 100}),
    "webp with metadata": ("WEBP", {"quality": 100, "xmp": b"<x/>" * 9}),
    "animated webp": ("WEBP", {"quality": 90, "save_all": True, "append_images": [draw(2)]}),
    "tiff of a jpeg": ("TIFF", {"compression": "jpeg"}),
    "gif": ("GIF", {}),
    "jpeg 2000": ("JPEG2000", {}),
    "avif": ("AVIF", {"quality": 100}),
}


@pytest.mark.parametrize("name", KEEPING)
def test_what_keeps_all_is_told(name: str) -> None:
    kind, how = KEEPING[name]
    assert is_lossless(_saved(draw(1), kind, **how))


@pytest.mark.parametrize("name", LOSING)
def test_what_may_lose_something_is_told(name: str) -> None:
    kind, how = LOSING[name]
    assert not is_lossless(_saved(draw(1), kind, **how))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_colours_that_were_made_few_are_a_loss(kind: str) -> None:
    assert not is_lossless(_saved(draw(1).quantize(16), kind))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("mode", ["1", "L"])
def test_what_is_grey_may_have_lost_its_colours(kind: str, mode: str) -> None:
    assert not is_lossless(_saved(draw(1).convert(mode), kind))


def test_colours_that_were_made_coarser_are_a_loss() -> None:
    data = _saved(draw(1), "BMP")
    assert not is_lossless(data[:28] + b"\x10" + data[29:]), "five bits a colour"
    assert not is_lossless(_saved(draw(1).convert("YCbCr"), "TIFF"))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP", "TIFF", "PPM"])
def test_any_beginning_of_a_file_is_answered(kind: str) -> None:
    data = _saved(draw(1), kind, **({"lossless": True} if kind == "WEBP" else {}))
    for end in range(80):
        assert is_lossless(data[:end]) in (True, False)
    assert not is_lossless(b"no image")
