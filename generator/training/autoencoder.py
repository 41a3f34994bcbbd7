"""The autoencoder of the embedded model: 64x64 pictures to small latents and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.training.pictures import jitter, mirror


@dataclass(frozen=True)
class AutoencoderSize:
    """Widths of the autoencoder, the widest last; each width after the first halves the picture."""

    widths: tuple[int, ...] = (16, 32, 64, 128)
    latent_channels: int = 8
    picture: int = 64
    groups: int = 8

    @property
    def latent(self) -> int:
        """Width and height of the latents."""
        return self.picture // 2 ** (len(self.widths) - 1)


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
        sample_size=size.picture,
        mid_block_add_attention=False,
    )
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def loss(model: Any, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the reconstruction loss of a batch plus a small KL term.

    Colours, edges and the coarse picture each count: edges are what makes a small picture
    readable, and plain L1 is slow to get large areas exactly right.

    Args:
        model: an ``AutoencoderKL``.
        batch: pictures (n, 3, h, w) float32 in -1..1, and noise shaped like their latents.
    """
    pixels, noise = batch
    posterior = model.encode(pixels).latent_dist
    made = model.decode(posterior.mean + posterior.std * noise).sample
    divergence: Tensor = posterior.kl().mean() / noise[0].numel()
    return _distance(made, pixels) + 3e-4 * divergence


def decoding_loss(model: Any, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the error of decoded latents.

    Args:
        model: an ``AutoencoderKL``.
        batch: latents (n, c, h, w), and the pictures they stand for (n, 3, H, W).
    """
    latents, pixels = batch
    return _distance(model.decode(latents).sample, pixels)


def _distance(made: Tensor, wanted: Tensor) -> Tensor:
    difference = made - wanted
    edges = difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()
    coarse = functional.avg_pool2d(difference, 4)
    # Brightness alone makes most of the error, so hues are learned late unless they count more.
    hue = coarse - coarse.mean(dim=1, keepdim=True)
    colour = hue.abs().mean() + 8 * hue.square().mean()
    return difference.abs().mean() + 0.5 * edges + coarse.abs().mean() + 2 * colour


def draw(
    pictures: Tensor, count: int, size: AutoencoderSize, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return augmented pictures drawn at random and noise for their latents.

    Args:
        pictures: (n, 3, h, w) float32 in -1..1.
        count: how many to draw.
        size: tells the latents' shape.
        generator: source of the randomness.
    """
    chosen = torch.randint(len(pictures), (count,), generator=generator)
    batch = mirror(jitter(pictures[chosen], generator), generator)
    shape = (count, size.latent_channels, size.latent, size.latent)
    noise = torch.randn(shape, generator=generator)
    return batch.contiguous(memory_format=torch.channels_last), noise


@torch.no_grad()
def normalise(model: Any, latents: Tensor) -> None:
    """Change the model in place so that its latents have zero mean and unit variance a channel.

    Both are folded into the two 1x1 convolutions around the latents, so pictures come out as
    before, and a pipeline, which knows one scaling factor only, needs none.

    Args:
        model: an ``AutoencoderKL``.
        latents: its latents of the data set, (n, c, h, w).
    """
    mean, deviation = latents.mean(dim=(0, 2, 3)), latents.std(dim=(0, 2, 3))
    channels = len(mean)
    into, out = model.quant_conv, model.post_quant_conv
    out.bias += out.weight[:, :, 0, 0] @ mean
    out.weight *= deviation[None, :, None, None]
    into.bias[:channels] -= mean
    into.bias[:channels] /= deviation
    into.weight[:channels] /= deviation[:, None, None, None]
    into.bias[channels:] -= 2 * deviation.log()
    model.register_to_config(scaling_factor=1.0)


@torch.no_grad()
def encode(model: Any, pixels: Tensor, batch: int = 64) -> Tensor:
    """Return the latents' means, (n, c, h/f, w/f) float32, not yet scaled."""
    parts = [model.encode(part).latent_dist.mean for part in pixels.split(batch)]
    return torch.cat(parts).contiguous()


@torch.no_grad()
def decode(model: Any, latents: Tensor, batch: int = 64) -> Tensor:
    """Return the pictures of unscaled latents, (n, 3, h, w) float32 around -1..1."""
    return torch.cat([model.decode(part).sample for part in latents.split(batch)])


def peak_signal_to_noise(made: Tensor, wanted: Tensor) -> float:
    """Return the PSNR in dB of pictures in -1..1."""
    error = (made.clamp(-1, 1) - wanted).square().mean().item()
    return float(10 * torch.log10(torch.tensor(4.0 / max(error, 1e-12))))
