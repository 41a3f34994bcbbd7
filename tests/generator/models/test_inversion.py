from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vitrail.generator.checkpoints.schedulers import build_scheduler
from vitrail.generator.models.inversion import REPEATS, Inversion


def ddim(prediction: str, spacing: str) -> Any:
    return build_scheduler(
        "ddim",
        {
            "num_train_timesteps": 1000,
            "beta_schedule": "scaled_linear",
            "prediction_type": prediction,
            "timestep_spacing": spacing,
            "steps_offset": 1,
            "set_alpha_to_one": False,
        },
    )


def back(inversion: Inversion, latents: torch.Tensor, answer: torch.Tensor) -> torch.Tensor:
    """Inverted under a U-Net that says the same of everything."""
    for t in inversion.timesteps:
        (latents,) = inversion.step(answer, t, inversion.scale_model_input(latents, t))
    return latents


@pytest.mark.parametrize("spacing", ["leading", "trailing"])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@given(steps=st.integers(1, 12), seed=st.integers(0, 10**6))
def test_ddim_leads_back_to_the_image(prediction: str, spacing: str, steps: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    image, answer = torch.randn(2, 1, 4, 3, 5, generator=generator).double()
    inversion = Inversion(ddim(prediction, spacing), steps)
    inversion.set_timesteps(12)
    assert len(inversion.timesteps) == REPEATS * steps
    latents = back(inversion, image, answer)

    forwards = ddim(prediction, spacing)
    forwards.set_timesteps(12)
    used = forwards.timesteps[-steps:]
    assert [int(t) for t in used] == sorted(inversion.found, reverse=True)
    for t in used:
        assert torch.equal(latents, inversion.found[int(t)]) or torch.allclose(
            latents.float(), inversion.found[int(t)].float(), atol=1e-3
        )
        latents = forwards.step(answer, t, latents).prev_sample
    assert torch.allclose(latents.float(), image.float(), atol=1e-3)


def test_what_no_step_can_be_taken_back_by_is_refused() -> None:
    inversion = Inversion(ddim("sample", "leading"), 2)
    inversion.set_timesteps(4)
    with pytest.raises(ValueError, match="predicts 'sample' cannot be inverted"):
        back(inversion, torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2))
