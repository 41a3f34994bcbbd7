from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from vitrail.generator.training.text import MARK, REGIONS, loss, region_codes

LENGTH = 20 + REGIONS


def told(codes: Tensor, width: int = 40) -> Tensor:
    """Hidden states (n, LENGTH, width) that tell the codes and mark the regions perfectly."""
    hidden = torch.randn(len(codes), LENGTH, width)
    size = codes.shape[-1]
    hidden[..., size : size + REGIONS] = 0
    hidden[:, -REGIONS:, :size] = codes
    hidden[:, -REGIONS:, size : size + REGIONS] = MARK * torch.eye(REGIONS)
    return hidden


def saying(hidden: Tensor) -> Any:
    """A text encoder that answers so, whatever the tokens."""
    return lambda tokens: (hidden,)


def test_each_code_is_of_its_own_region() -> None:
    latents = torch.zeros(2, 3, 8, 8)
    latents[1, :, 2:4, 6:8] = 1  # the second row of regions, the last of that row
    codes = region_codes(latents)
    assert codes.shape == (2, REGIONS, 12)
    assert codes.square().mean() == pytest.approx(1)
    different = (codes[0] != codes[1]).any(dim=-1)
    assert different.nonzero().flatten().tolist() == [7]


def test_codes_of_the_whole_set_have_no_mean() -> None:
    codes = region_codes(torch.randn(50, 4, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert codes.mean(dim=0).abs().max() < 1e-5


def test_telling_everything_costs_nothing() -> None:
    codes = torch.randn(5, REGIONS, 12)
    tokens = torch.zeros(5, LENGTH, dtype=torch.int64)
    assert loss(saying(told(codes)), (tokens, codes)) == 0


def test_a_token_of_the_words_must_bear_no_mark() -> None:
    codes = torch.zeros(1, REGIONS, 12)
    hidden = told(codes)
    hidden[0, 3, 12] = MARK
    tokens = torch.zeros(1, LENGTH, dtype=torch.int64)
    assert loss(saying(hidden), (tokens, codes)) == pytest.approx(MARK**2 / LENGTH / REGIONS)


def test_saying_nothing_of_any_picture_costs_one() -> None:
    codes = region_codes(torch.randn(50, 4, 8, 8, generator=torch.Generator().manual_seed(0)))
    tokens = torch.zeros(50, LENGTH, dtype=torch.int64)
    silent = told(torch.zeros_like(codes))
    assert loss(saying(silent), (tokens, codes)) == pytest.approx(1, abs=1e-4)
