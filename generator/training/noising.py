"""Noise on latents, what a U-Net is to make of it, and how much each error counts: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vitrail.generator.checkpoints.schedulers import build_scheduler
from vitrail.indexer.errors import InputError

PREDICTIONS = ("epsilon", "v_prediction", "sample")


@dataclass(frozen=True, slots=True)
class NoiseSchedule:
    """How a checkpoint's latents are noised.

    Attributes:
        kept: (t,) float32, share of the signal's energy that is left at each timestep.
        prediction: what the U-Net tells: the noise (``epsilon``), the velocity
            (``v_prediction``), or the latents (``sample``).
    """

    kept: Tensor
    prediction: str

    @classmethod
    def of(cls, config: Any) -> NoiseSchedule:
        """That of a scheduler's configuration, whatever its sampler.

        Raises:
            InputError: the checkpoint predicts something that is not known here.
        """
        made = build_scheduler("ddpm", config)
        prediction = str(made.config.prediction_type)
        if prediction not in PREDICTIONS:
            raise InputError(
                f"the checkpoint predicts {prediction!r}, which cannot be trained here: give one "
                f"that predicts one of {', '.join(PREDICTIONS)}"
            )
        return cls(made.alphas_cumprod.float(), prediction)

    def noised(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """Noisy latents, and what the U-Net is to tell of them.

        Args:
            latents: (n, c, h, w) float32, scaled.
            noise: likewise.
            timesteps: (n,) int64.
        """
        kept = self.kept.to(latents.device)[timesteps][:, None, None, None]
        signal, other = kept.sqrt(), (1 - kept).sqrt()
        noisy = signal * latents + other * noise
        if self.prediction == "epsilon":
            return noisy, noise
        if self.prediction == "sample":
            return noisy, latents
        return noisy, signal * noise - other * latents

    def weights(self, timesteps: Tensor, limit: float) -> Tensor:
        """How much the error of each timestep counts, (n,) float32.

        Min-SNR: errors of the latents count by the signal-to-noise ratio, up to a limit. A
        velocity's have one more, without which pure noise, where the text decides, would not count.

        Args:
            timesteps: (n,) int64.
            limit: of the ratio; 0 weighs all alike.
        """
        kept = self.kept.to(timesteps.device)[timesteps]
        if not limit:
            return torch.ones_like(kept)
        ratio = kept / (1 - kept).clamp(min=1e-8)
        limited = ratio.clamp(max=limit)
        if self.prediction == "epsilon":
            return limited / ratio.clamp(min=1e-8)
        if self.prediction == "sample":
            return limited
        return (limited + 1) / (ratio + 1)


def spread_timesteps(count: int, steps: int, generator: torch.Generator) -> Tensor:
    """Timesteps (count,) int64, one of each n-th of the range: less noise than free draws.

    Args:
        count: how many.
        steps: of the schedule.
        generator: source of the randomness.
    """
    places = torch.randperm(count, generator=generator)
    position = (places + torch.rand(count, generator=generator)) / count
    return (position * steps).long().clamp(max=steps - 1)


def draw_noise(shape: Sequence[int], offset: float, generator: torch.Generator) -> Tensor:
    """Noise (n, c, h, w) float32, of which each channel has a part in common.

    Args:
        shape: of it.
        offset: how much that part is.
        generator: source of the randomness.
    """
    noise = torch.randn(tuple(shape), generator=generator)
    if not offset:
        return noise
    return noise + offset * torch.randn((*shape[:2], 1, 1), generator=generator)
