from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from vitrail.generator.training.emoji import Emoji, Renderer, find_font, list_emoji, render
from vitrail.indexer.errors import InputError


def test_names_are_plain_and_unique_enough_for_captions() -> None:
    names = [emoji.name for emoji in list_emoji()]
    assert len(names) > 1300
    assert len(set(names)) == len(names)
    assert all(
        name == name.lower().strip() and "_" not in name and ":" not in name[:1] for name in names
    )
    assert "red apple" in names


def test_skin_tones_flags_and_gendered_sequences_are_left_out() -> None:
    names = {emoji.name for emoji in list_emoji()}
    assert not [name for name in names if "skin tone" in name]
    assert names.isdisjoint({"france", "woman pilot", "man bowing"})
    assert {"polar bear", "pirate flag", "heart on fire"} <= names


def test_slug_is_a_file_name() -> None:
    assert Emoji("x", "woman's hat & piñata: 1st").slug == "woman-s-hat-piñata-1st"


def test_rendering_is_the_same_twice_and_distinct(font: Path) -> None:
    some = list_emoji()[200:260]
    first, second = (render(32, font=str(font), emoji=some) for _ in range(2))
    digests = [hashlib.sha256(picture.image.tobytes()).digest() for picture in first]
    assert digests == [hashlib.sha256(picture.image.tobytes()).digest() for picture in second]
    assert len(set(digests)) == len(digests) > 50
    assert {(p.image.size, p.image.mode) for p in first} == {((32, 32), "RGB")}


def test_pictures_that_look_alike_are_kept_once(font: Path) -> None:
    apple = next(emoji for emoji in list_emoji() if emoji.name == "red apple")
    assert len(render(32, font=str(font), emoji=[apple, apple])) == 1


def test_the_ground_is_white_and_the_picture_centred(font: Path) -> None:
    image = Renderer(str(font)).draw("🍎", 64)
    assert image is not None
    assert image.getpixel((0, 0)) == image.getpixel((63, 63)) == (255, 255, 255)
    red, green, blue = image.getpixel((32, 40))  # type: ignore[misc]
    assert red > 150
    assert max(green, blue) < 120


def test_a_missing_font_says_how_to_install_it() -> None:
    with pytest.raises(InputError, match="fonts-noto-color-emoji"):
        find_font("no-such-font.ttf")
