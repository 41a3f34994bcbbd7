"""A part of an image: read, held to the image, cut out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.fakes import ColourEncoder
from vitrail.indexer.errors import InputError
from vitrail.search.boxes import Box
from vitrail.search.images import cut, embed_images

SIDE = st.integers(1, 400)


def test_a_box_is_pixels_or_percent() -> None:
    assert Box.of("40, 20,300,200") == Box(40, 20, 300, 200) == Box.of((40, 20, 300, 200))
    assert Box.of("10%,12.5%,50%,50%") == Box(10, 12.5, 50, 50, percent=True)
    assert str(Box.of("10%,12.5%,50%,50%")) == "10%,12.5%,50%,50%"
    assert Box.of("25%,50%,50%,25%").within((40, 20)) == (10, 10, 30, 15)


@pytest.mark.parametrize(
    "given_",
    ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "10%,10,20,20", "-1,0,4,4", "1.5,0,4,4", "1,2,3,nan"],
)
def test_what_is_no_box_is_refused_with_a_form(given_: str) -> None:
    with pytest.raises(InputError, match=r"is no box; give x,y,w,h in pixels"):
        Box.of(given_)


def test_numbers_that_are_no_box_are_refused() -> None:
    for odd in ((1, 2, 3), (1, 2, 3, 4.5), (None,) * 4):
        with pytest.raises(InputError, match="is no box"):
            Box.of(odd)  # type: ignore[arg-type]
    for empty in ((0, 0, 0, 5), (0, 0, 5, 0), (-1, 0, 5, 5)):
        with pytest.raises(InputError, match="holds no part"):
            Box.of(empty)


@given(SIDE, SIDE, SIDE, SIDE, SIDE, SIDE)
def test_a_box_lies_in_the_image_or_is_refused(
    x: int, y: int, w: int, h: int, width: int, height: int
) -> None:
    box = Box(x - 1, y - 1, w, h)
    if x - 1 + w <= width and y - 1 + h <= height:
        assert box.within((width, height)) == (x - 1, y - 1, x - 1 + w, y - 1 + h)
    else:
        with pytest.raises(InputError, match=f"beyond the image of {width} x {height} pixels"):
            box.within((width, height))


@given(*[st.floats(0, 100, allow_nan=False)] * 4, SIDE, SIDE)
def test_percent_give_at_least_a_pixel_and_no_more_than_the_image(
    x: float, y: float, w: float, h: float, width: int, height: int
) -> None:
    if not (0 < w <= 100 - x and 0 < h <= 100 - y and x + w <= 100 and y + h <= 100):
        return
    left, top, right, bottom = Box(x, y, w, h, percent=True).within((width, height))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


def test_a_crop_is_of_the_upright_image_whatever_form_it_comes_in(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6  # 20 x 30 pixels of a file that are shown as 30 x 20, turned to the right
    Image.fromarray(np.rot90(pixels)).save(tmp_path / "turned.png", exif=turned)
    path, box = tmp_path / "turned.png", Box(3, 5, 10, 12)
    for form in (path, path.read_bytes(), Image.open(path), pixels):
        part = cut(form, box)
        assert part is not None
        assert (np.asarray(part) == pixels[5:17, 3:13]).all()
        assert cut(form, Box(0, 0, 100, 100, percent=True)) is None
    encoder = ColourEncoder()
    part = cut(path, box)
    assert part is not None
    by_hand = embed_images(encoder, [np.ascontiguousarray(pixels[5:17, 3:13])])["mean@1"]
    assert (embed_images(encoder, [part])["mean@1"] == by_hand).all()
