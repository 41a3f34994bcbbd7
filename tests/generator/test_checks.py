from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.generator.conftest import noise_image
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import MAX_SEED, Sampling
from vitrail.generator.tasks import image_to_image, text_to_image
from vitrail.generator.tasks.sizes import working_size
from vitrail.indexer.errors import InputError


@pytest.mark.parametrize(
    ("prompt", "sampling", "message"),
    [
        ("", Sampling(), "prompt is empty"),
        ("  \n", Sampling(), "prompt is empty"),
        ("x" * 30_000, Sampling(), "more than 20,000: shorten it"),
        ("x", Sampling(negative_prompt="x" * 30_000), "negative prompt is longer"),
        ("x", Sampling(n=0), "0 images cannot"),
        ("x", Sampling(seed=-1), "seed -1"),
        ("x", Sampling(seed=MAX_SEED, n=2), "out of range"),
        ("x", Sampling(steps=0), "0 steps are not possible"),
        ("x", Sampling(steps=-5), "-5 steps are not possible"),
        ("x", Sampling(steps=10_000), "give 1 to 1000"),
        ("x", Sampling(guidance=-1.0), "guidance -1.0 is out of range"),
        ("x", Sampling(guidance=float("nan")), "guidance nan is out of range"),
        ("x", Sampling(scheduler="magic"), "scheduler 'magic' is unknown: use one of ddim"),
    ],
)
def test_bad_sampling_is_refused(
    ordinary: CheckpointInfo, prompt: str, sampling: Sampling, message: str
) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        text_to_image.plan(ordinary, prompt, sampling=sampling)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("width", "height", "message"),
    [
        (33, 32, "size 33x32 is not a multiple of 8 pixels: the nearest is 32x32"),
        (0, 32, "the nearest is 8x32"),
        (-8, 32, "the nearest is 8x32"),
        (32, 44, "the nearest is 32x48"),
        (512, 32, "too large for"),
    ],
)
def test_bad_sizes_are_refused(
    ordinary: CheckpointInfo, width: int, height: int, message: str
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        text_to_image.plan(ordinary, "x", width=width, height=height)


def test_bad_strength_is_refused(ordinary: CheckpointInfo) -> None:
    for strength in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match=r"outside \[0, 1\]"):
            image_to_image.plan(ordinary, "x", noise_image(32, 32), strength=strength)


def test_family_limits(ordinary: CheckpointInfo) -> None:
    lcm = replace(ordinary, family="lcm")
    with pytest.raises(InputError, match="knows no negative prompt"):
        text_to_image.plan(lcm, "x", sampling=Sampling(negative_prompt="y"))
    pure = replace(ordinary, from_pure_noise=True)
    with pytest.raises(InputError, match="heun cannot start"):
        text_to_image.plan(pure, "x", sampling=Sampling(scheduler="heun"))


def test_defaults_are_the_checkpoints(ordinary: CheckpointInfo) -> None:
    (recipe,) = text_to_image.plan(ordinary, "x")
    assert (recipe.width, recipe.height, recipe.scheduler) == (32, 32, "pndm")
    assert (recipe.steps, recipe.guidance, recipe.seed) == (25, 4.0, 0)


@given(
    st.integers(1, 9000),
    st.integers(1, 9000),
    st.sampled_from([(64, 128), (512, None), (1024, None)]),
)
def test_working_sizes_fit(width: int, height: int, model: tuple[int, int | None]) -> None:
    info = replace(_INFO, native=model[0], largest=model[1])
    if max(width, height) > 32 * min(width, height):
        with pytest.raises(InputError, match="too thin"):
            working_size(info, width, height)
        return
    found = working_size(info, width, height)
    assert all(side % 8 == 0 and side >= 8 for side in found)
    assert max(found) <= (model[1] or 9000)
    # Rounding each side to the grid may add half a step to each.
    assert (found[0] - 4) * (found[1] - 4) <= info.working_area
    if width * height <= info.working_area and model[1] is None:
        assert all(abs(f - s) <= 4 or f == 8 for f, s in zip(found, (width, height), strict=True))


_INFO = CheckpointInfo("x", Path(), None, "0", "sd", 4, 4, 512, 8, "ddim")
