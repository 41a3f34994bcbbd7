"""A look that was packed is the same look."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tests.search.duplicates.drawing import draw, look
from vitrail.search.duplicates.evidence import lay_onto
from vitrail.search.duplicates.looks import Look
from vitrail.search.duplicates.packing import pack_look, unpack_look


def same(one: Any, other: Any) -> bool:
    """Whether two looks, or parts of them, are the same in every value and type."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "__dataclass_fields__"):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return bool(one == other)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 999),
    st.tuples(st.integers(2, 500), st.integers(2, 500)),
    st.integers(0, 40),
)
def test_nothing_of_a_look_is_lost(seed: int, size: tuple[int, int], border: int) -> None:
    image = draw(seed, (max(30, size[0]), max(30, size[1]))).resize(size)
    seen = look(ImageOps.expand(image, border, (250, 250, 250)))
    assert same(unpack_look(pack_look(seen)), seen)


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (17, 4)])
def test_nor_of_one_with_few_pixels_or_none_that_tells_anything(size: tuple[int, int]) -> None:
    seen = look(Image.new("RGB", size, (9, 90, 200)))
    assert seen.blank
    assert same(unpack_look(pack_look(seen)), seen)


def test_what_was_packed_is_compared_as_the_look_itself_is() -> None:
    image = draw(5, (400, 300))
    copy = look(image.crop((60, 40, 340, 270)).resize((300, 240)))
    straight = lay_onto(look(image), copy)
    again = lay_onto(unpack_look(pack_look(look(image))), unpack_look(pack_look(copy)))
    assert straight is not None
    assert again is not None
    assert again.evidence == straight.evidence
    assert same(again.alignment, straight.alignment)


def test_a_look_is_small() -> None:
    seen: Look = look(draw(5, (400, 300)))
    assert len(pack_look(seen)) < 115_000


def test_colours_are_near_those_of_the_image() -> None:
    image = draw(5, (224, 168))
    colours = np.asarray(image, np.float32) / 255
    seen = look(image)
    assert np.abs(seen.colours - colours).mean() < 0.015
    assert np.abs(seen.brightness - colours @ [0.299, 0.587, 0.114]).max() < 0.01
