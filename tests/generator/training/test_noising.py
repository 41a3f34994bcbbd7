from __future__ import annotations

import pytest
import torch
from diffusers import DDPMScheduler
from diffusers.training_utils import compute_snr
from hypothesis import given
from hypothesis import strategies as st

from vitrail.generator.training.noising import (
    PREDICTIONS,
    NoiseSchedule,
    draw_noise,
    spread_timesteps,
)
from vitrail.indexer.errors import InputError


def schedule(prediction: str) -> NoiseSchedule:
    return NoiseSchedule.of(config(prediction))


def config(prediction: str) -> object:
    return DDPMScheduler(beta_schedule="scaled_linear", prediction_type=prediction).config


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_what_a_u_net_is_to_tell_is_what_diffusers_samples_by(prediction: str) -> None:
    chance = torch.Generator().manual_seed(0)
    latents, noise = (torch.randn(3, 4, 5, 5, generator=chance) for _ in range(2))
    timesteps = torch.tensor([0, 400, 999])
    noisy, target = schedule(prediction).noised(latents, noise, timesteps)
    sampler = DDPMScheduler.from_config(config(prediction), clip_sample=False)
    assert torch.allclose(noisy, sampler.add_noise(latents, noise, timesteps), atol=1e-5)
    for place, step in enumerate(timesteps.tolist()):
        one = slice(place, place + 1)
        found = sampler.step(target[one], step, noisy[one]).pred_original_sample
        assert torch.allclose(found, latents[one], atol=2e-2 if step == 999 else 1e-4)
    if prediction == "v_prediction":
        assert torch.allclose(target, sampler.get_velocity(latents, noise, timesteps), atol=1e-5)


def test_weights_are_those_of_the_paper() -> None:
    timesteps = torch.arange(0, 1000, 37)
    ratio = compute_snr(DDPMScheduler.from_config(config("epsilon")), timesteps)
    limited = ratio.clamp(max=5)
    told = {one: schedule(one).weights(timesteps, 5.0) for one in PREDICTIONS}
    assert torch.allclose(told["epsilon"], limited / ratio, rtol=1e-4)
    assert torch.allclose(told["sample"], limited, rtol=1e-4)
    assert torch.allclose(told["v_prediction"], (limited + 1) / (ratio + 1), rtol=1e-4)
    for one in PREDICTIONS:
        assert schedule(one).weights(timesteps, 0.0).tolist() == [1.0] * len(timesteps)


def test_pure_noise_counts_for_a_velocity_and_is_finite_for_all() -> None:
    last = torch.tensor([999])
    for one in PREDICTIONS:
        ends = NoiseSchedule.of(
            DDPMScheduler(rescale_betas_zero_snr=True, prediction_type=one).config
        )
        weight = ends.weights(last, 5.0)
        assert torch.isfinite(weight).all()
        assert one != "v_prediction" or weight.item() == pytest.approx(1.0)


def test_what_is_predicted_by_nobody_is_refused() -> None:
    odd = DDPMScheduler(prediction_type="flow").config
    with pytest.raises(InputError, match=r"predicts 'flow'.*one of epsilon, v_prediction, sample"):
        NoiseSchedule.of(odd)


@given(st.integers(1, 40), st.integers(0, 2**31))
def test_timesteps_lie_one_in_each_nth_of_the_schedule(count: int, seed: int) -> None:
    found = spread_timesteps(count, 1000, torch.Generator().manual_seed(seed))
    assert sorted(int(one * count / 1000 + 1e-3) for one in found.tolist()) == pytest.approx(
        [*range(count)], abs=1
    )
    assert found.min() >= 0
    assert found.max() < 1000
    assert torch.equal(found, spread_timesteps(count, 1000, torch.Generator().manual_seed(seed)))


def test_offset_noise_moves_whole_channels() -> None:
    plain = draw_noise((64, 4, 16, 16), 0.0, torch.Generator().manual_seed(1))
    moved = draw_noise((64, 4, 16, 16), 0.5, torch.Generator().manual_seed(1))
    difference = moved - plain
    assert torch.allclose(difference.amax((2, 3)), difference.amin((2, 3)), atol=1e-6)
    assert difference.std().item() == pytest.approx(0.5, rel=0.15)
