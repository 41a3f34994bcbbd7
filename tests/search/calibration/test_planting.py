from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vitrail.search.calibration.planting import KINDS, plant


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@given(st.integers(1, 300), st.integers(1, 300))
@settings(max_examples=30, deadline=None)
def test_an_image_of_any_size_can_be_copied(width: int, height: int) -> None:
    image = noise(width, height)
    before = image.tobytes()
    made = plant(image)
    assert made.keys() == KINDS.keys()
    assert image.tobytes() == before
    for copy in made.values():
        assert copy.mode == "RGB"
        assert 0 < copy.width <= width
        assert 0 < copy.height <= height


@pytest.mark.parametrize("kind", KINDS)
def test_each_copy_differs(kind: str) -> None:
    image = noise(64, 48)
    assert KINDS[kind](image).tobytes() != image.tobytes()
