"""Frames and margins are told from images, and two frames alike prove nothing."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from benchmarks.attacks import ATTACKS
from tests.search.duplicates.drawing import draw, look
from vitrail.search.duplicates.evidence import confirm
from vitrail.search.duplicates.frames import Rectangle, without_frame, without_margins


def _grey(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"), np.float32) / np.float32(255)


def _on_screen(image: Image.Image) -> Image.Image:
    return ATTACKS["screenshot"](image, image, np.random.default_rng(0))


@pytest.mark.parametrize("size", [(240, 180), (150, 200)])
def test_margins_are_cut_off_to_the_pixel(size: tuple[int, int]) -> None:
    image = draw(1, size)
    width, height = size
    assert without_margins(_grey(image)) == Rectangle(0, 0, width, height)
    letterbox = ImageOps.expand(image, (0, 30), "black")
    assert without_margins(_grey(letterbox)) == Rectangle(0, 30, width, height + 30)
    screen = _on_screen(image)
    box = without_margins(_grey(screen))
    assert (box.right - box.left, box.bottom - box.top) == size
    assert screen.crop(box).tobytes() == image.tobytes()


def test_the_own_ground_of_an_image_on_a_screen_is_no_margin() -> None:
    image = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(image).ellipse((80, 60, 150, 130), fill="red", outline="black")
    box = without_margins(_grey(_on_screen(image)))
    assert (box.right - box.left, box.bottom - box.top) == (200, 200)


def test_a_plain_image_is_all_there_is() -> None:
    for box in (without_frame, without_margins):
        assert box(np.full((20, 30), 0.5, np.float32)) == Rectangle(0, 0, 30, 20)


def test_what_lies_in_a_box() -> None:
    box = Rectangle(2, 3, 5, 9)
    places = np.array([[2, 3], [4.4, 8.4], [5, 4], [1, 4], [3, 9]], np.float32)
    assert box.holds(places[:, 0], places[:, 1]).tolist() == [True, True, False, False, False]
    assert box.area == 18


def test_different_images_on_the_same_screen_are_no_copies() -> None:
    for seed in (1, 2, 3):
        one, other = (_on_screen(_on_white(number)) for number in (seed, seed + 50))
        assert confirm(look(one), look(other)) is None, seed
        assert confirm(look(one), look(one)) is not None, seed


def _on_white(seed: int) -> Image.Image:
    image = Image.new("RGB", (240, 180), "white")
    image.paste(draw(seed, (120, 90)), (60, 40))
    return image
