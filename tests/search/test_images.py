"""A query picture gives the same pixels in whichever form it comes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.fakes import ColourEncoder
from vitrail.indexer.errors import ImageRejectedError, InputError, VitrailError
from vitrail.search.images import read_pixels

SPEC = ColourEncoder().preprocess


@pytest.fixture
def noise() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_path_bytes_picture_and_array_give_the_same_pixels(
    noise: Image.Image, tmp_path: Path
) -> None:
    path = tmp_path / "noise.png"
    noise.save(path)
    expected = read_pixels(path, SPEC)
    data = path.read_bytes()
    pixels = np.asarray(noise)
    for picture in (str(path), data, bytearray(data), memoryview(data), noise, pixels):
        assert (read_pixels(picture, SPEC) == expected).all()  # type: ignore[arg-type]
    flipped = np.ascontiguousarray(pixels[:, ::-1])[:, ::-1]  # a view with negative strides
    assert (read_pixels(flipped, SPEC) == expected).all()


def test_a_pillow_image_is_seen_as_its_file_is(noise: Image.Image, tmp_path: Path) -> None:
    noise.putalpha(Image.linear_gradient("L").resize(noise.size))
    noise.save(tmp_path / "clear.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    noise.convert("RGB").save(tmp_path / "turned.png", exif=turned)
    Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30) * 100).save(
        tmp_path / "deep.png"
    )
    for name in ("clear.png", "turned.png", "deep.png"):
        with Image.open(tmp_path / name) as opened:
            assert (read_pixels(opened, SPEC) == read_pixels(tmp_path / name, SPEC)).all(), name


REFUSED: list[tuple[Any, str]] = [
    (np.zeros((4, 4), np.uint8), r"\(4, 4\) uint8"),
    (np.zeros((4, 4, 4), np.uint8), r"\(4, 4, 4\) uint8"),
    (np.zeros((3, 4, 4), np.uint8), r"\(3, 4, 4\) uint8"),
    (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\) uint8"),
    (np.zeros((4, 4, 3), np.float32), r"\(4, 4, 3\) float32"),
    (Image.new("RGB", (0, 4)), "0 x 4 pixels"),
    (None, "NoneType None is no image"),
    (7, "int 7 is no image"),
    ([[1, 2, 3]], "is no image; give a path"),
]


@pytest.mark.parametrize(("thing", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_what_is_no_picture_is_refused(thing: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_pixels(thing, SPEC)


def test_a_file_that_turns_out_torn_is_a_reject(noise: Image.Image, tmp_path: Path) -> None:
    file = io.BytesIO()
    noise.save(file, "PNG")
    torn = file.getvalue()[:300]
    (tmp_path / "torn.png").write_bytes(torn)
    for picture in (torn, tmp_path / "torn.png", Image.open(io.BytesIO(torn))):
        with pytest.raises(ImageRejectedError):
            read_pixels(picture, SPEC)
    for nothing in (tmp_path / "none.png", tmp_path, b"", b"text"):
        with pytest.raises(VitrailError):
            read_pixels(nothing, SPEC)
