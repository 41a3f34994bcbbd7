from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from vitrail.generator.tasks.ground import coloured, foreground


def ring(side: int) -> Image.Image:
    """A red ring on white, white within, that covers the middle half."""
    image = Image.new("RGB", (side, side), "white")
    box = (side // 4, side // 4, side * 3 // 4 - 1, side * 3 // 4 - 1)
    ImageDraw.Draw(image).rectangle(box, outline="red", width=side // 8)
    return image


@pytest.mark.parametrize("side", [64, 1024])
def test_what_is_enclosed_belongs_to_the_image_and_is_not_coloured(side: int) -> None:
    inside = np.zeros((8, 8), np.float32)
    inside[2:6, 2:6] = 1
    assert (foreground(ring(side), (8, 8)) == inside).all()
    inside[3:5, 3:5] = 0
    assert (coloured(ring(side), (8, 8)) == inside).all()


def test_cells_have_the_share_that_is_the_images() -> None:
    image = Image.new("RGB", (16, 8), "white")
    image.paste("black", (0, 0, 6, 8))
    for shares in (foreground, coloured):
        assert shares(image, (1, 4)).tolist() == [[1, 0.5, 0, 0]]


@pytest.mark.parametrize("colour", ["white", "black"])
def test_an_image_of_one_colour_is_taken_whole(colour: str) -> None:
    for shares in (foreground, coloured):
        assert (shares(Image.new("RGB", (40, 20), colour), (3, 5)) == 1).all()


def test_a_frame_is_no_ground() -> None:
    """White that does not reach the edge is a part of the image."""
    image = Image.new("RGB", (32, 32), "white")
    ImageDraw.Draw(image).rectangle((0, 0, 31, 31), outline="black")
    assert (foreground(image, (4, 4)) == 1).all()
    assert coloured(image, (4, 4)).mean() < 0.2


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 40), st.integers(1, 9))
def test_shares_lie_between_none_and_all(seed: int, width: int, height: int, cells: int) -> None:
    pixels = np.random.default_rng(seed).choice([255, 0], (height, width, 1)).repeat(3, axis=2)
    image = Image.fromarray(pixels.astype(np.uint8))
    own, colour = (shares(image, (cells, cells)) for shares in (foreground, coloured))
    assert own.shape == colour.shape == (cells, cells)
    assert own.min() >= 0
    assert own.max() <= 1
    assert own.sum() > 0  # or there were no statistics
    assert (own >= colour - 1e-6).all()  # what is coloured is never ground
