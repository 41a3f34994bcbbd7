"""Images as tensors, and their mild, seeded augmentation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional


def to_tensor(images: Sequence[Image.Image]) -> Tensor:
    """Return RGB images of one size as (n, 3, h, w) float32 in -1..1."""
    pixels = np.stack([np.asarray(image, dtype=np.float32) for image in images])
    return torch.from_numpy(pixels / 127.5 - 1).permute(0, 3, 1, 2).contiguous()


def to_images(pixels: Tensor) -> list[Image.Image]:
    """Return (n, 3, h, w) floats in -1..1 as RGB images; values outside are clipped."""
    levels = ((pixels.detach().float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return [Image.fromarray(one) for one in levels.permute(0, 2, 3, 1).contiguous().numpy()]


def jitter(
    pixels: Tensor, generator: torch.Generator, *, shift: float = 0.04, zoom: float = 0.06
) -> Tensor:
    """Return the images moved and scaled a little, each by its own amount, white outside.

    Args:
        pixels: (n, 3, h, w) float32 in -1..1.
        generator: source of the randomness.
        shift: largest move, as a share of the width.
        zoom: largest change of scale.
    """
    count = len(pixels)
    scale = 1 + (torch.rand(count, generator=generator) * 2 - 1) * zoom
    move = (torch.rand(count, 2, generator=generator) * 2 - 1) * shift * 2
    affine = torch.zeros(count, 2, 3)
    affine[:, 0, 0] = affine[:, 1, 1] = scale
    affine[:, :, 2] = move
    grid = functional.affine_grid(affine, list(pixels.shape), align_corners=False)
    # grid_sample fills with zeros, so white has to be zero while it works.
    return functional.grid_sample(pixels - 1, grid, align_corners=False) + 1


def mirror(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Return the images, each flipped left to right with a chance of one half."""
    flip = torch.rand(len(pixels), generator=generator) < 0.5
    return torch.where(flip[:, None, None, None], pixels.flip(-1), pixels)
