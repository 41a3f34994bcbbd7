"""The text encoder learns first, alone: from a caption to a short code of its picture.

Stable Diffusion's text encoder comes trained; ours has to be trained here, and through the U-Net
that takes thousands of expensive steps. A regression to the pictures' leading principal
components costs a twentieth a caption, and leaves the U-Net a task that all pictures share:
drawing what a code says.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def picture_codes(latents: Tensor, width: int) -> Tensor:
    """Return codes (n, width) float32 of latents (n, c, h, w): tempered principal components.

    The strongest components keep most weight; codes have a mean square of one.
    """
    flat = latents.flatten(1).double()
    centred: Tensor = flat - flat.mean(dim=0)
    left, values, _ = torch.linalg.svd(centred, full_matrices=False)
    # A decomposition leaves the signs open; a fixed probe settles them, so that a run can resume.
    probe = torch.linspace(-1, 1, len(left), dtype=left.dtype).exp()
    codes = left[:, :width] * (probe @ left[:, :width]).sign() * values[:width].sqrt()
    scaled: Tensor = codes / codes.square().mean().sqrt()
    return scaled.float()


class TextCoder(nn.Module):
    """A text encoder with a linear head that tells the code at each token after the caption."""

    def __init__(self, text_encoder: Any, code_width: int) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.head = nn.Linear(text_encoder.config.hidden_size, code_width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (n, length, code width) of tokens (n, length)."""
        codes: Tensor = self.head(self.text_encoder(tokens)[0])
        return codes


def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the codes' squared error at the end mark and the padding after it.

    Those tokens have seen the whole caption, and the U-Net attends to all of them.

    Args:
        model: a ``TextCoder``.
        batch: tokens (n, length), codes (n, width), and which tokens count (n, length).
    """
    tokens, codes, counted = batch
    error = (model(tokens) - codes[:, None]).square().mean(dim=-1)
    mean: Tensor = ((error * counted).sum(dim=1) / counted.sum(dim=1)).mean()
    return mean
