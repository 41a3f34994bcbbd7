from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.models.pipelines import load_model
from vitrail.generator.models.style_injection import (
    StyleInjection,
    Trace,
    finest_self_attentions,
    weights_of,
)

T = torch.tensor(7)


def unet_of(info: CheckpointInfo) -> Any:
    return load_model(info).pipeline("text", "ddim").unet


def trace(unet: Any, seed: int, weight: float = 1.0) -> Trace:
    generator = torch.Generator().manual_seed(seed)
    latents = torch.randn(1, unet.config.in_channels, 16, 16, generator=generator)
    states = torch.randn(1, 5, unet.config.cross_attention_dim, generator=generator)
    arguments = {"encoder_hidden_states": states, "return_dict": False}
    return Trace({7: latents}, arguments, torch.full((16, 16), weight))


def asked(unet: Any, of: Trace, injection: StyleInjection | None) -> torch.Tensor:
    with torch.no_grad():
        if injection is None:
            found: torch.Tensor = unet(of.latents[7], T, **of.arguments)[0]
        else:
            with injection.joined(unet):
                found = unet(of.latents[7], T, **of.arguments)[0]
    return found


def test_the_finest_two_thirds_of_the_decoder() -> None:
    names = [
        f"{block}.attentions.{i}.transformer_blocks.0.attn{kind}.processor"
        for block in ("down_blocks.0", "up_blocks.1", "up_blocks.2", "up_blocks.3", "mid_block")
        for i in range(3)
        for kind in (1, 2)
    ]
    chosen = finest_self_attentions(names)
    assert [name.split(".")[1] for name in chosen] == ["2"] * 3 + ["3"] * 3
    assert all("attn1" in name for name in chosen)
    assert len(finest_self_attentions(names[6:10])) == 2  # of two, and of one, not none
    assert len(finest_self_attentions(names[6:8])) == 1
    assert finest_self_attentions([]) == []


def test_weights_follow_the_halving() -> None:
    weights = torch.arange(35.0).view(5, 7)
    assert weights_of(weights, 35).tolist() == weights.flatten().tolist()
    assert weights_of(weights, 12).shape == (12,)  # 3x4, as the U-Net's strided convolutions
    assert weights_of(torch.ones(5, 7), 4).tolist() == [1] * 4
    with pytest.raises(ValueError, match="11 tokens for latents of"):
        weights_of(weights, 11)


def test_it_acts_where_it_is_let(ordinary: CheckpointInfo) -> None:
    unet = unet_of(ordinary)
    content, style = trace(unet, 1), trace(unet, 2)
    plain = asked(unet, content, None)
    assert torch.equal(asked(unet, content, StyleInjection(content, style, 0.0, 0.5)), plain)
    nowhere = trace(unet, 1, weight=0.0)
    assert torch.equal(asked(unet, content, StyleInjection(nowhere, style, 1.0, 0.5)), plain)
    little, much = (
        (asked(unet, content, StyleInjection(content, style, blend, 0.5)) - plain).norm()
        for blend in (0.1, 1.0)
    )
    assert 0 < little < much
    other = asked(unet, content, StyleInjection(content, trace(unet, 3), 1.0, 0.5))
    assert not torch.equal(other, asked(unet, content, StyleInjection(content, style, 1.0, 0.5)))


def test_keys_of_no_weight_are_not_heard(ordinary: CheckpointInfo) -> None:
    """A style half of which has no weight says what the other half does, nearly."""
    unet = unet_of(ordinary)
    content, style = trace(unet, 1), trace(unet, 2)
    half = style.weights.clone()
    half[:, 8:] = 0
    whole = asked(unet, content, StyleInjection(content, style, 1.0, 0.5))
    left = asked(
        unet,
        content,
        StyleInjection(content, Trace(style.latents, style.arguments, half), 1.0, 0.5),
    )
    assert not torch.allclose(whole, left)


def test_the_u_net_is_as_it_was_even_after_an_error(ordinary: CheckpointInfo) -> None:
    unet = unet_of(ordinary)
    before = dict(unet.attn_processors)
    content, style = trace(unet, 1), trace(unet, 2)
    plain = asked(unet, content, None)
    injection = StyleInjection(content, style, 1.0, 0.5)
    asked(unet, content, injection)
    with pytest.raises(KeyError), injection.joined(unet):
        unet(content.latents[7], torch.tensor(9), **content.arguments)  # no trace of this step
    assert injection.role is None
    assert all(unet.attn_processors[name] is one for name, one in before.items())
    assert torch.equal(asked(unet, content, None), plain)


def test_one_steps_keys_are_in_memory_whatever_the_steps(
    checkpoint: Callable[[str], CheckpointInfo],
) -> None:
    unet = unet_of(checkpoint("ordinary"))
    content, style = trace(unet, 1), trace(unet, 2)
    steps = dict.fromkeys(range(5), content.latents[7])
    content, style = (Trace(steps, one.arguments, one.weights) for one in (content, style))
    injection = StyleInjection(content, style, 1.0, 0.5)
    sizes = set()
    with torch.no_grad(), injection.joined(unet):
        for t in steps:
            unet(steps[t], torch.tensor(t), **content.arguments)
            sizes.add(sum(part.numel() for made in injection.seen.values() for part in made))
    assert len(sizes) == 1
    assert not injection.seen  # and none afterwards
