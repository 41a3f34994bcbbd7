from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from tests.generator.test_recipes import BASE, FULL, recipes
from vitrail.generator.png import encode_png, read_png
from vitrail.generator.recipes import GeneratedImage, Recipe
from vitrail.indexer.errors import InputError
from vitrail.indexer.images.opening import open_image

PICTURE = Image.new("RGB", (8, 8), (200, 10, 30))


def encode(recipe: Recipe, nsfw: bool | None = None) -> bytes:
    return encode_png(GeneratedImage(PICTURE, recipe, nsfw, 1.0))


@given(recipes, st.none() | st.booleans())
@example(replace(BASE, prompt="a\nNegative prompt: b\nSteps: 3, Seed: 4, Sampler: x"), None)
@example(replace(BASE, prompt="lone \ud800 surrogate, NUL \0"), True)
def test_round_trip(recipe: Recipe, nsfw: bool | None) -> None:
    image, inscription = read_png(encode(recipe, nsfw))
    assert inscription.recipe == recipe
    assert inscription.nsfw is nsfw
    assert image.tobytes() == PICTURE.tobytes()


def test_the_indexer_sees_both_texts() -> None:
    info = open_image(encode(FULL)).info
    assert info["parameters"].startswith("a red apple <lora:paint:0.5>\nNegative prompt: worms\n")
    assert "Steps: 20, Sampler: DDIM, CFG scale: 7.5, Seed: 1, Size: 64x64" in info["parameters"]
    assert '"seed":1' in info["vitrail"]


def test_same_image_same_bytes() -> None:
    slow = encode_png(GeneratedImage(PICTURE, FULL, False, 99.0))
    assert slow == encode(FULL, False)
    assert slow != encode(FULL, True)


def test_an_endless_prompt_is_refused() -> None:
    with pytest.raises(InputError, match="shorten the prompt"):
        encode(replace(BASE, prompt="x" * 300_000))


def test_other_files_are_refused() -> None:
    buffer = io.BytesIO()
    PICTURE.save(buffer, "PNG")
    with pytest.raises(InputError, match="no recipe of vitrail"):
        read_png(buffer.getvalue())
    with pytest.raises(InputError, match="no readable PNG"):
        read_png(encode(BASE)[:-30])
    with pytest.raises(InputError, match="no readable PNG"):
        read_png(b"")
