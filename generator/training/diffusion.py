"""The text encoder and the U-Net of the embedded model, and their loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

TIMESTEPS = 1000
# Weight of x0's error is min(snr, limit) + 1; 5 is the limit of "Efficient Diffusion Training via
# Min-SNR Weighting Strategy" (2023). The + 1 keeps the noisiest steps, where the text decides.
SNR_LIMIT = 5.0
# Below 1, timesteps are drawn more often from the noisy end: what a prompt shows is decided there.
NOISE_BIAS = 0.5


@dataclass(frozen=True)
class DiffusionSize:
    """Widths of the text encoder and the U-Net.

    Most of the U-Net's weights work on 4x4 positions, where a weight costs a quarter.
    """

    text_width: int = 192
    text_layers: int = 2
    heads: int = 4
    widths: tuple[int, int] = (112, 160)
    time_width: int = 192
    groups: int = 16


class Denoiser(nn.Module):
    """The two parts that are trained together: prompt tokens and noisy latents to a velocity."""

    def __init__(self, text_encoder: Any, unet: Any) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.unet = unet

    def forward(self, tokens: Tensor, noisy: Tensor, timesteps: Tensor) -> Tensor:
        """Return the velocity, shaped like ``noisy`` (n, c, h, w); tokens are (n, length)."""
        hidden = self.text_encoder(tokens)[0]
        velocity: Tensor = self.unet(noisy, timesteps, hidden).sample
        return velocity


def build(size: DiffusionSize, tokenizer: Any, latent_channels: int, latent: int) -> Denoiser:
    """Return a new text encoder and U-Net; seed torch first for the same ones."""
    from transformers import CLIPTextConfig, CLIPTextModel

    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=size.text_width,
            intermediate_size=4 * size.text_width,
            projection_dim=size.text_width,
            num_hidden_layers=size.text_layers,
            num_attention_heads=size.heads,
            max_position_embeddings=tokenizer.model_max_length,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    return Denoiser(text, _build_unet(size, latent_channels, latent))


def _build_unet(size: DiffusionSize, latent_channels: int, latent: int) -> nn.Module:
    from diffusers import UNet2DConditionModel

    unet: nn.Module = UNet2DConditionModel(
        sample_size=latent,
        in_channels=latent_channels,
        out_channels=latent_channels,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=size.widths,
        layers_per_block=1,
        cross_attention_dim=size.text_width,
        attention_head_dim=size.heads,  # diffusers takes the number of heads under this name
        norm_num_groups=size.groups,
        time_embedding_dim=size.time_width,
        resnet_time_scale_shift="scale_shift",
        # The pooled prompt joins the time embedding and so reaches every block: with so few
        # steps, cross-attention alone learns the words much later.
        addition_embed_type="text",
        addition_embed_type_num_heads=size.heads,
        encoder_hid_dim=size.text_width,
    )
    return unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def build_scheduler() -> Any:
    """Return the sampler and noise schedule that the model is trained for.

    The cosine schedule ends in pure noise, so that sampling starts where training ended, and it
    is known to every scheduler. ``clip_sample`` would cut latents, which are not in -1..1.
    """
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=TIMESTEPS,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        clip_sample=False,
        set_alpha_to_one=True,
        timestep_spacing="trailing",
        steps_offset=1,  # without effect for this spacing; the pipeline warns of anything else
    )


def corrupt(
    latents: Tensor, alphas: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return noisy latents, timesteps (n,), velocities and loss weights (n,).

    Args:
        latents: (n, c, h, w) float32, about unit variance.
        alphas: the scheduler's cumulative products, (TIMESTEPS,).
        generator: source of the randomness.
    """
    count = len(latents)
    # One timestep from each n-th of the range: less noise in the loss than free draws.
    position = (
        torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)
    ) / count
    timesteps = (position**NOISE_BIAS * TIMESTEPS).long().clamp(max=TIMESTEPS - 1)
    noise = torch.randn(latents.shape, generator=generator)
    kept = alphas[timesteps][:, None, None, None]
    noisy = kept.sqrt() * latents + (1 - kept).sqrt() * noise
    velocity = kept.sqrt() * noise - (1 - kept).sqrt() * latents
    ratio = alphas[timesteps] / (1 - alphas[timesteps])
    weight = (ratio.clamp(max=SNR_LIMIT) + 1) / (ratio + 1)
    return noisy, timesteps, velocity, weight


def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the weighted velocity error of a batch.

    Args:
        model: a ``Denoiser``.
        batch: tokens (n, length), then what ``corrupt`` returns.
    """
    tokens, noisy, timesteps, velocity, weight = batch
    error = (model(tokens, noisy, timesteps) - velocity).square().mean(dim=(1, 2, 3))
    mean: Tensor = (error * weight).mean()
    return mean
