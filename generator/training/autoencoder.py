"""The autoencoder of the embedded model: 64x64 images to small latents and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitrail.generator.training.images import jitter, mirror
from vitrail.generator.training.latents import PatchBasis

# Most deviation of the noise on the latents that the decoder learns from; their own is about one. A
# diffusion's latents are off by such amounts, and a decoder that knows the images can mend them.
NOISE = 0.3


@dataclass(frozen=True)
class AutoencoderSize:
    """Widths of the autoencoder, the widest last; each width after the first halves the image."""

    widths: tuple[int, ...] = (16, 32, 64, 128)
    latent_channels: int = 16
    side: int = 64
    groups: int = 8

    @property
    def latent(self) -> int:
        """Width and height of the latents."""
        return self.side >> (len(self.widths) - 1)


def build(size: AutoencoderSize) -> nn.Module:
    """Return a new ``AutoencoderKL``; seed torch first for the same one."""
    from diffusers import AutoencoderKL

    depth = len(size.widths)
    model: nn.Module = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * depth,
        up_block_types=("UpDecoderBlock2D",) * depth,
        block_out_channels=size.widths,
        layers_per_block=1,
        latent_channels=size.latent_channels,
        norm_num_groups=size.groups,
        sample_size=size.side,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )
    _fix_variance(model)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


@torch.no_grad()
def _fix_variance(model: Any) -> None:
    """Make the posterior a point, nearly: the latents are given, not learned."""
    channels = model.config.latent_channels
    model.quant_conv.weight[channels:].zero_()
    model.quant_conv.bias[channels:] = -12.0


def loss(model: Any, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the error of encoding images to their latents and of decoding them again.

    Args:
        model: an ``AutoencoderKL``.
        batch: images (n, 3, h, w) float32 in -1..1, their latents, and the latents to decode,
            a little noisy, since those that a diffusion makes are never exact.
    """
    pixels, latents, noisy = batch
    encoded = model.encode(pixels).latent_dist.mean
    error: Tensor = (encoded - latents).square().mean()
    return error + _distance(model.decode(noisy).sample, pixels)


def _distance(made: Tensor, wanted: Tensor) -> Tensor:
    difference = made - wanted
    edges = difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()
    coarse = functional.avg_pool2d(difference, 4)
    # Brightness alone makes most of the error, so hues are learned late unless they count more.
    hue = coarse - coarse.mean(dim=1, keepdim=True)
    colour = hue.abs().mean() + 8 * hue.square().mean()
    return difference.abs().mean() + 0.5 * edges + coarse.abs().mean() + 2 * colour


def draw(
    images: Tensor, basis: PatchBasis, count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what ``loss`` takes, of images drawn at random and augmented.

    Args:
        images: (n, 3, h, w) float32 in -1..1.
        basis: gives the latents.
        count: how many to draw.
        generator: source of the randomness.
    """
    chosen = torch.randint(len(images), (count,), generator=generator)
    moved = mirror(jitter(images[chosen], generator), generator)
    # Half stay as they are: these are the images that a prompt asks for.
    kept = torch.rand(count, generator=generator)[:, None, None, None] < 0.5
    pixels = torch.where(kept, images[chosen], moved)
    latents = basis.project(pixels)
    amount = NOISE * torch.rand((count, 1, 1, 1), generator=generator)
    noisy = latents + amount * torch.randn(latents.shape, generator=generator)
    return pixels.contiguous(memory_format=torch.channels_last), latents, noisy


@torch.no_grad()
def encode(model: Any, pixels: Tensor, batch: int = 64) -> Tensor:
    """Return the latents' means, (n, c, h/f, w/f) float32, not yet scaled."""
    parts = [model.encode(part).latent_dist.mean for part in torch.split(pixels, batch)]
    return torch.cat(parts).contiguous()


@torch.no_grad()
def decode(model: Any, latents: Tensor, batch: int = 64) -> Tensor:
    """Return the images of unscaled latents, (n, 3, h, w) float32 around -1..1."""
    return torch.cat([model.decode(part).sample for part in torch.split(latents, batch)])


def peak_signal_to_noise(made: Tensor, wanted: Tensor) -> float:
    """Return the PSNR in dB of images in -1..1."""
    error = (made.clamp(-1, 1) - wanted).square().mean().item()
    return float(10 * torch.log10(torch.tensor(4.0 / max(error, 1e-12))))
