"""Copies of drawn images are told with what was done to them; other images are no copies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from benchmarks.attacks import ATTACKS
from tests.examples import examples
from tests.search.duplicates.drawing import draw, look
from vitrail.search.duplicates.alignment import align, stretched
from vitrail.search.duplicates.evidence import ALTERED, RE_ENCODED, confirm
from vitrail.search.duplicates.keypoints import find_keypoints
from vitrail.search.duplicates.looks import look_at
from vitrail.search.duplicates.refinement import refine

Change = Callable[[Image.Image], Image.Image]


def _cropped(image: Image.Image) -> Image.Image:
    width, height = image.size
    return image.crop((width // 5, 0, width, height * 4 // 5))


def _framed(image: Image.Image) -> Image.Image:
    return ImageOps.expand(image, image.height // 4, (30, 32, 36))


@pytest.mark.parametrize(
    ("change", "tier", "says"),
    [
        (lambda image: image.resize((60, 45)), RE_ENCODED, "resized to 25%"),
        (ImageOps.mirror, ALTERED, "mirrored"),
        (ImageOps.flip, ALTERED, "turned by 180°"),
        (lambda image: image.rotate(90, expand=True), ALTERED, "turned by -90°"),
        (lambda image: image.rotate(10), ALTERED, "turned by -10°"),
        (_cropped, ALTERED, "cropped to 6"),
        (_framed, ALTERED, "4"),
        (lambda image: ImageEnhance.Color(image).enhance(0.1), ALTERED, "recoloured"),
    ],
)
def test_what_was_done_is_told(change: Change, tier: str, says: str) -> None:
    image = draw(1)
    found = confirm(look(image), look(change(image)))
    assert found is not None
    assert found.tier == tier
    assert any(says in one for one in found.says), found.says


@pytest.mark.parametrize("side", [0.02, 0.035, 0.05])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_a_larger_crop_lacks_of_a_side_would_be_lost(seed: int, side: float) -> None:
    image = draw(seed, (240, 180))
    crop = image.crop((round(240 * side), 0, 240, 180)).resize((480, 360))
    found = confirm(look(crop), look(image))
    assert found is not None
    assert found.tier == ALTERED
    assert "of a larger image" in found.says[0]


@pytest.mark.parametrize("factor", [0.25, 0.4, 0.5, 2.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_was_but_scaled_lacks_nothing(seed: int, factor: float) -> None:
    image = draw(seed, (400, 300))
    scaled = image.resize((round(400 * factor), round(300 * factor)))
    keeper, copy = (image, scaled) if factor < 1 else (scaled, image)
    found = confirm(look(keeper), look(copy))
    assert found is not None
    assert found.tier == RE_ENCODED


def test_a_flipped_image_is_mirrored_and_turned() -> None:
    found = confirm(look(draw(1)), look(ImageOps.flip(draw(1))))
    assert found is not None
    assert "mirrored" in found.says


def test_a_frame_is_told_from_what_it_is_around() -> None:
    image = draw(1)
    assert look(image).content == 1
    framed = ImageOps.expand(image, 24, "white")
    assert look(framed).content == pytest.approx(240 * 180 / (288 * 228), abs=0.03)
    ImageDraw.Draw(framed).text((30, 208), "on holiday", "black")
    assert look(framed).content == pytest.approx(240 * 180 / (288 * 228), abs=0.06)
    letterbox = ImageOps.pad(image, (240, 240))
    assert look(letterbox).content == 1, "two sides are no frame"
    assert look(Image.new("RGB", (50, 50), "red")).content == 1


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacked_images_are_copies_of_their_originals_and_of_no_others(attack: str) -> None:
    rng = np.random.default_rng(5)
    for seed in (1, 2):
        image, other = draw(seed), draw(seed + 20)
        copy = look(ATTACKS[attack](image, other, rng))
        assert confirm(look(image), copy) is not None, seed
        assert confirm(copy, look(image)) is not None, "whichever is asked"
        assert confirm(look(draw(seed + 40)), copy) is None


@settings(max_examples=examples(40), deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(10_001, 20_000))
def test_images_that_chance_drew_are_no_copies(one: int, other: int) -> None:
    assert confirm(look(draw(one)), look(draw(other))) is None


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 2), (24, 24)])
def test_images_that_show_nothing_prove_nothing(size: tuple[int, int]) -> None:
    blank, white = Image.new("RGB", size, (90, 90, 90)), Image.new("RGB", size, "white")
    assert confirm(look(blank), look(white)) is None
    assert confirm(look(blank), look(draw(1))) is None
    assert confirm(look(draw(1)), look(blank)) is None


def test_a_large_image_is_seen_as_a_small_one_is() -> None:
    large = draw(3, (1200, 900))
    found = confirm(look(large), look(large.resize((300, 225))))
    assert found is not None
    assert (found.tier, found.says) == (RE_ENCODED, ("resized to 25%",))


@settings(max_examples=examples(30), deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.floats(-180, 180), st.floats(0.7, 1.4))
def test_corners_tell_any_turn_and_scale(seed: int, degrees: float, scale: float) -> None:
    image = draw(seed, (200, 200))
    turned = image.rotate(-degrees, Image.Resampling.BICUBIC)
    side = round(200 * scale)
    turned = turned.resize((side, side), Image.Resampling.BICUBIC)
    ours, theirs = (
        find_keypoints(np.asarray(one.convert("L"), np.float32) / np.float32(255))
        for one in (image, turned)
    )
    best = align(ours, theirs)[0]
    assert not best.mirrored
    assert best.scale == pytest.approx(scale, rel=0.05)
    assert abs((best.degrees - degrees + 180) % 360 - 180) < 3


def test_a_mirrored_image_is_described_as_the_mirrored_description_says() -> None:
    grey = np.asarray(draw(4).convert("L"), np.float32) / np.float32(255)
    told, made = (
        find_keypoints(grey).mirrored(),
        find_keypoints(np.ascontiguousarray(grey[:, ::-1])),
    )
    alike = (told.descriptors @ made.descriptors.T).max(axis=1)
    assert np.median(alike) > 0.95


def test_an_alignment_that_is_off_by_pixels_is_brought_in_place() -> None:
    seen = look_at(draw(6), (240, 180))
    exact = stretched(seen.frame, seen.frame)
    off = stretched((seen.frame[0] + 6, seen.frame[1] - 5), seen.frame)
    finer = off
    for grid in (56, 112):
        finer = refine(seen.brightness, seen.brightness, finer, grid, 4)
    assert np.abs(finer.matrix - exact.matrix).max() < 0.003
    assert np.abs(finer.offset - exact.offset).max() < 0.3
