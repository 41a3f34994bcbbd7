"""One image laid over another, and how alike their pixels are there."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vitrail.search.comparison.alignment import align, lay_over
from vitrail.search.comparison.layers import layer_similarities
from vitrail.search.comparison.recipes import compare_recipes
from vitrail.search.comparison.structure import structural_similarity


def scene(seed: int, width: int = 120, height: int = 90) -> Image.Image:
    random = np.random.default_rng(seed)
    pixels = np.zeros((height, width, 3))
    for side in (3, 6, 12, 24):
        part = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
        resized = Image.fromarray(part).resize((width, height), Image.Resampling.BICUBIC)
        pixels += np.asarray(resized)
    return Image.fromarray((pixels / 4).astype(np.uint8))


@pytest.mark.parametrize(
    ("seed", "mirrored", "kept", "angle", "size"),
    [
        (0, False, 1.0, 0.0, 1.0),
        (1, True, 1.0, 2.0, 0.5),
        (2, False, 0.7, 0.0, 1.7),
        (3, True, 0.6, -7.0, 1.0),
        (4, False, 0.8, 17.0, 0.5),
        (5, False, 0.65, -12.0, 1.7),
    ],
)
def test_a_copy_is_found_however_it_was_mirrored_cropped_turned_and_resized(
    seed: int, mirrored: bool, kept: float, angle: float, size: float
) -> None:
    first = scene(seed)
    second = ImageOps.mirror(first) if mirrored else first
    second = second.rotate(angle, Image.Resampling.BICUBIC)
    width, height = (round(kept * length) for length in first.size)
    left, top = (first.width - width) // 2, (first.height - height) // 2
    second = second.crop((left, top, left + width, top + height))
    second = second.resize((round(size * width), round(size * height)), Image.Resampling.BICUBIC)
    found = align(first, second)
    assert found is not None
    assert found.mirrored == mirrored
    assert found.scale == pytest.approx(kept, abs=0.04)
    assert found.angle == pytest.approx(angle if mirrored else -angle, abs=2.5)
    assert max(map(abs, found.shift)) < 0.04
    assert found.correlation > 0.85


def test_what_has_nothing_in_common_is_not_laid_over_well() -> None:
    reached = []
    for seed in range(3):
        found = align(scene(seed), scene(50 + seed))
        reached.append(0.0 if found is None else found.correlation)
    assert max(reached) < 0.85
    assert align(scene(1), Image.new("RGB", (40, 40), (9, 9, 9))) is None


def test_an_image_over_itself_is_the_same() -> None:
    for size in ((120, 90), (90, 120), (180, 60)):
        image = scene(3, *size)
        found = align(image, image)
        assert found is not None
        one, other, there = lay_over(image, image, found, 256)
        assert there.all()
        assert np.allclose(one, other, atol=0.02)
        assert structural_similarity(one, other, there) > 0.999


def ssim(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """As its authors wrote it, window by window."""
    at = np.arange(-5, 6)
    window = np.exp(-(at[:, None] ** 2 + at[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    found = []
    for y in range(first.shape[0] - 10):
        for x in range(first.shape[1] - 10):
            a, b = first[y : y + 11, x : x + 11], second[y : y + 11, x : x + 11]
            ma, mb = (window * a).sum(), (window * b).sum()
            va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
            both = (window * (a - ma) * (b - mb)).sum()
            top = (2 * ma * mb + 1e-4) * (2 * both + 9e-4)
            found.append(top / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4)))
    return float(np.mean(found))


def test_structural_similarity_is_its_authors() -> None:
    random = np.random.default_rng(0)
    first = random.random((24, 31))
    second = np.clip(first + 0.2 * random.standard_normal(first.shape), 0, 1)
    assert structural_similarity(first, second) == pytest.approx(ssim(first, second), rel=1e-9)
    assert structural_similarity(first, first) == pytest.approx(1)
    there = np.zeros(first.shape, bool)
    there[:, :16] = True
    part = ssim(first[:, :16], second[:, :16])
    assert structural_similarity(first, second, there) == pytest.approx(part, rel=1e-9)
    assert np.isnan(structural_similarity(first[:8], second[:8]))
    assert np.isnan(structural_similarity(first, second, np.zeros(first.shape, bool)))


def test_layers_are_told_beside_what_is_usual() -> None:
    rows = np.eye(4, dtype=np.float32)[[0, 0, 1, 2]]
    two, one = layer_similarities({"gem@2": rows, "cls@1": rows[[0, 3, 0, 0]]})
    assert (two.space, one.space) == ("cls@1", "gem@2")
    assert (one.cosine, one.usual) == (1, 0)
    assert two.cosine == 0
    assert two.highest == 1
    (alone,) = layer_similarities({"mean@3": rows[:2]})
    assert alone.cosine == 1
    assert np.isnan(alone.usual)


def test_recipes_show_what_differs_first_and_leave_out_what_is_empty() -> None:
    told = compare_recipes(
        {"prompt": "a", "seed": 0, "steps": 20, "loras": []},
        {"prompt": "a", "seed": 5, "steps": 30, "extra": None},
    )
    assert [(one.name, one.same) for one in told] == [
        ("steps", False),
        ("seed", False),
        ("prompt", True),
    ]
    assert compare_recipes(None, None) == ()
    assert [one.second for one in compare_recipes({"seed": 0}, None)] == [None]
