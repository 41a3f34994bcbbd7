from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vitrail.indexer.training.augmentation import STRENGTHS, augment, crop_box
from vitrail.indexer.training.learning_options import Augmentation

SIZES = st.tuples(st.integers(1, 300), st.integers(1, 300))


@given(SIZES, st.floats(0.05, 1), st.integers(0, 1000))
def test_a_crop_lies_within_and_keeps_what_it_should(
    size: tuple[int, int], least: float, seed: int
) -> None:
    left, top, right, bottom = crop_box(size, least, np.random.default_rng(seed))
    assert 0 <= left < right <= size[0]
    assert 0 <= top < bottom <= size[1]
    share = (right - left) * (bottom - top) / (size[0] * size[1])
    if max(size) <= 4 / 3 * min(size):
        assert share >= least * 0.5
    assert share <= 1 + 1e-9


@pytest.mark.parametrize("name", ["light", "strong"])
@given(size=SIZES, seed=st.integers(0, 100))
def test_the_same_chance_gives_the_same_pixels(
    name: Augmentation, size: tuple[int, int], seed: int
) -> None:
    image = Image.fromarray(
        np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    )
    before = image.tobytes()
    one, other = (
        augment(image, 32, STRENGTHS[name], np.random.default_rng(seed)) for _ in range(2)
    )
    assert one.shape == (32, 32, 3)
    assert one.dtype == np.uint8
    assert (one == other).all()
    assert image.tobytes() == before


def test_what_is_strong_changes_more() -> None:
    image = Image.radial_gradient("L").convert("RGB")
    plain = np.asarray(image.resize((32, 32))).astype(float)
    apart = {
        name: np.mean(
            [
                np.abs(augment(image, 32, strength, np.random.default_rng(seed)) - plain).mean()
                for seed in range(40)
            ]
        )
        for name, strength in STRENGTHS.items()
    }
    assert 0 < apart["light"] < apart["strong"]
