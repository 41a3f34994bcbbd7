"""An image shows all that another does, or that one but adds a frame: as only pairs can tell."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from benchmarks.attacks import ATTACKS
from tests.search.duplicates.drawing import draw, look
from vitrail.search.duplicates.evidence import lay_onto
from vitrail.search.duplicates.precedence import is_framed, stays_first


def goes_first(one: Image.Image, other: Image.Image) -> bool | None:
    """What their pair tells, whichever is asked first."""
    ours, theirs = look(one), look(other)
    found = lay_onto(ours, theirs)
    assert found is not None
    return stays_first(ours, theirs, found.alignment)


def _face(seed: int = 1) -> Image.Image:
    """A round thing full of corners on its own white ground."""
    image = Image.new("RGB", (240, 240), "white")
    mask = Image.new("L", (160, 160))
    ImageDraw.Draw(mask).ellipse((0, 0, 159, 159), fill=255)
    image.paste(draw(seed, (160, 160)), (40, 40), mask)
    return image


def _tile() -> Image.Image:
    """The same that is square, so that its margins look like a frame."""
    image = Image.new("RGB", (240, 240), "white")
    image.paste(draw(2, (180, 180)), (30, 30))
    return image


@pytest.mark.parametrize("image", [_face(1), _face(2), _tile(), draw(3), draw(4)])
@pytest.mark.parametrize("share", [0.8, 0.9])
def test_a_crop_never_goes_before_what_it_was_cut_from(image: Image.Image, share: float) -> None:
    width, height = image.size
    side = round(width * share), round(height * share)
    places = [(0, 0), (width - side[0], height - side[1])]
    places.append(((width - side[0]) // 2, (height - side[1]) // 2))
    for left, top in places:
        crop = image.crop((left, top, left + side[0], top + side[1]))
        assert goes_first(image, crop) is True, (left, top)


def test_a_crop_of_a_round_thing_to_its_edges_goes_not_before_it() -> None:
    assert goes_first(_face(), _face().crop((40, 40, 200, 200))) is True


FRAMES = {
    "white": lambda image: ImageOps.expand(image, 24, "white"),
    "black": lambda image: ImageOps.expand(image, 24, "black"),
    "narrow": lambda image: ImageOps.expand(image, 8, "black"),
    "letterbox": lambda image: ImageOps.expand(image, (0, 30), "black"),
    "bars": lambda image: ImageOps.expand(image, (30, 0), "black"),
    "screenshot": lambda image: ATTACKS["screenshot"](image, image, np.random.default_rng(0)),
}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_a_frame_is_around_goes_before_it(frame: str, seed: int) -> None:
    image = draw(seed)
    framed = FRAMES[frame](image)
    assert goes_first(framed, image) is False
    assert goes_first(framed, ImageOps.mirror(image)) is False
    assert goes_first(framed, image.resize((480, 360))) is False, "at more pixels"
    for quarters in (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180):
        assert goes_first(framed, image.transpose(quarters)) is False, quarters


@pytest.mark.parametrize("frame", FRAMES)
def test_what_has_fewer_pixels_than_the_frame_is_around_does_not(frame: str) -> None:
    framed = FRAMES[frame](draw(1))
    assert goes_first(framed, draw(1).resize((180, 135))) is True


@pytest.mark.parametrize("frame", FRAMES)
def test_a_part_of_what_a_frame_is_around_does_not(frame: str) -> None:
    framed = FRAMES[frame](draw(1))
    assert goes_first(framed, draw(1).crop((12, 9, 240, 180))) is True


def test_a_black_frame_is_told_from_a_white_ground() -> None:
    assert goes_first(ImageOps.expand(_face(), 24, "black"), _face()) is False


def test_an_image_goes_before_a_smaller_one_of_it_with_more_of_its_ground_around() -> None:
    small = ImageOps.expand(_face().resize((160, 160)), 60, "white")
    assert goes_first(small, _face()) is False, "which would be kept for its white pixels"
    assert goes_first(ImageOps.expand(_face(), 30, "white"), _face()) is True, "no pixel is lost"


def test_what_is_beside_or_around_an_image_is_no_frame() -> None:
    image = draw(1)
    assert goes_first(ATTACKS["collage of two"](image, draw(9), np.random.default_rng(0)), image)
    busy = draw(30, (300, 240))
    busy.paste(image, (30, 30))
    assert goes_first(busy, image) is True


def test_a_ground_that_grows_darker_is_no_frame() -> None:
    shade = np.broadcast_to(np.linspace(1, 0, 224, dtype=np.float32)[:, None], (224, 224)).copy()
    shade[60:164, 60:164] = np.random.default_rng(0).random((104, 104))
    box = (60, 60, 164, 164)
    assert not is_framed(shade, box)
    shade[:60], shade[164:], shade[:, :60], shade[:, 164:] = 1, 1, 1, 1
    assert is_framed(shade, box)
    assert not is_framed(shade, (0, 0, 224, 224)), "nothing is around it"
    assert not is_framed(shade, (64, 60, 164, 164)), "some of what stands out is outside"


def test_where_neither_shows_all_of_the_other_nothing_is_told() -> None:
    image = draw(5, (300, 240))
    assert goes_first(image.crop((0, 0, 240, 240)), image.crop((70, 0, 300, 240))) is None
