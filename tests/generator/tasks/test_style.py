from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.generator.conftest import noise_image
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import Sampling
from vitrail.generator.images import InputImage
from vitrail.generator.models.pipelines import load_model
from vitrail.generator.tasks import style
from vitrail.generator.tasks.denoising import encode
from vitrail.generator.tasks.registry import run
from vitrail.generator.tasks.style import adain
from vitrail.indexer.errors import InputError


def test_adain_by_hand() -> None:
    content = torch.tensor([[[[0.0, 2.0], [0.0, 2.0]]]])  # mean 1, deviation 1
    other = torch.tensor([[[[10.0, 16.0]]]])  # mean 13, deviation 3
    assert adain(content, other, 1.0).tolist() == [[[[10.0, 16.0], [10.0, 16.0]]]]
    assert adain(content, other, 0.0).tolist() == content.tolist()
    # Half way: mean 7, deviation 2.
    assert adain(content, other, 0.5).tolist() == [[[[5.0, 9.0], [5.0, 9.0]]]]


def test_a_flat_channel_gets_the_mean() -> None:
    moved = adain(torch.full((1, 1, 2, 2), 3.0), torch.tensor([[[[4.0, 6.0]]]]), 1.0)
    assert moved.tolist() == [[[[5.0, 5.0], [5.0, 5.0]]]]


def statistics(latents: torch.Tensor) -> torch.Tensor:
    return torch.cat([latents.mean((-2, -1)), latents.std((-2, -1), correction=0)])


@given(st.integers(0, 10**6), st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_statistics_near_the_style_in_step_with_strength(seed: int, strengths: list[float]) -> None:
    generator = torch.Generator().manual_seed(seed)
    content = torch.randn(1, 4, 5, 6, generator=generator)
    other = torch.randn(1, 4, 3, 3, generator=generator) * 3 + 2
    start = (statistics(content) - statistics(other)).norm()
    for strength in strengths:
        moved = adain(content, other, strength)
        distance = (statistics(moved) - statistics(other)).norm()
        assert distance.item() == pytest.approx((1 - strength) * start.item(), abs=1e-4)


def test_outputs_near_the_style(ordinary: CheckpointInfo) -> None:
    """The latents of what comes out, encoded again, approach the style's as the strength grows."""
    model = load_model(ordinary)
    dark = Image.fromarray(np.asarray(noise_image(32, 32, seed=3).image) // 8)
    content, other = noise_image(32, 32), InputImage(dark, "7" * 64)
    wanted = encode(model, other.image)
    distances = []
    for strength in (0.0, 0.5, 1.0):
        recipe = style.plan(
            ordinary, "x", content, other, style_strength=strength, content_strength=0.0
        )[0]
        made = run(model, recipe, {"content": content, "style": other})
        moved = adain(encode(model, content.image), wanted, strength)
        distances.append((statistics(moved) - statistics(wanted)).norm().item())
        assert made.image.size == (32, 32)
    assert distances == sorted(distances, reverse=True)


def test_bad_strengths_are_refused(ordinary: CheckpointInfo) -> None:
    picture = noise_image(32, 32)
    with pytest.raises(InputError, match=r"style strength -0\.1 is outside"):
        style.plan(ordinary, "x", picture, picture, style_strength=-0.1)
    with pytest.raises(InputError, match="content strength nan is outside"):
        style.plan(ordinary, "x", picture, picture, content_strength=float("nan"))


def test_both_parents_are_recorded(ordinary: CheckpointInfo) -> None:
    sampling = Sampling(n=2, seed=4)
    recipes = style.plan(
        ordinary, "x", noise_image(40, 20), noise_image(9, 9, seed=2), sampling=sampling
    )
    assert [recipe.seed for recipe in recipes] == [4, 5]
    assert [parent.role for parent in recipes[0].parents] == ["content", "style"]
    assert (recipes[0].width, recipes[0].height) == (40, 16)  # 20 lies between
