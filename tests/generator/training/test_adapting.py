from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.generator.training.test_tuning import OPTIONS
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.training.adapting import build_trainee, check_trainable
from vitrail.indexer.errors import InputError

Checkpoints = Callable[[str], CheckpointInfo]


def names(info: CheckpointInfo, **changes: object) -> set[str]:
    return set(build_trainee(info, replace(OPTIONS, **changes)).trained())  # type: ignore[arg-type]


def test_low_rank_weights_lie_beside_what_was_asked_for(ordinary: CheckpointInfo) -> None:
    attention = names(ordinary)
    assert attention
    assert all(".lora_" in name and ".attn" in name for name in attention)
    everything = names(ordinary, targets="all")
    assert attention < everything
    assert any("resnets" in name for name in everything)
    # the names that files of other tools have for layers are those of blocks
    assert all(name.startswith(("unet.down_", "unet.mid_", "unet.up_")) for name in everything)
    told = names(ordinary, text=True) - attention
    assert told
    assert all(name.startswith("text_encoder.") and "self_attn" in name for name in told)


def test_a_full_training_learns_all_of_the_u_net_and_nothing_else(
    ordinary: CheckpointInfo,
) -> None:
    trainee = build_trainee(ordinary, replace(OPTIONS, method="full"))
    assert set(trainee.trained()) == {f"unet.{name}" for name, _ in trainee.unet.named_parameters()}
    for name in ("vae", "text_encoder"):
        part = trainee.pipeline.components[name]
        assert isinstance(part, nn.Module)
        assert not any(one.requires_grad for one in part.parameters())


def test_the_seed_decides_low_rank_weights_and_leaves_torchs_alone(
    ordinary: CheckpointInfo,
) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    one, same, other = (
        build_trainee(ordinary, replace(OPTIONS, seed=seed)).trained() for seed in (1, 1, 2)
    )
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


@torch.no_grad()
def test_merged_weights_do_what_they_did_beside(checkpoint: Checkpoints) -> None:
    trainee = build_trainee(checkpoint("ordinary"), replace(OPTIONS, targets="all"))
    for parameter in trainee.trained().values():
        parameter.normal_(std=0.3)
    noisy, hidden = torch.randn(2, 4, 16, 16), torch.randn(2, 5, 16)
    before = trainee.unet(noisy, 7, hidden).sample
    assert trainee.low_rank_weights()["unet"]
    trainee.merge()
    assert not [name for name, _ in trainee.unet.named_parameters() if "lora" in name]
    assert torch.allclose(trainee.unet(noisy, 7, hidden).sample, before, atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "says"),
    [("lcm", "latent consistency model"), ("nine", "made for inpainting")],
)
def test_what_cannot_be_trained_is_one_line(checkpoint: Checkpoints, kind: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_trainable(checkpoint(kind), None)


def test_a_side_that_cannot_be_drawn_names_the_nearest(ordinary: CheckpointInfo) -> None:
    assert check_trainable(ordinary, None) == ordinary.native
    with pytest.raises(InputError, match=r"side is 37, but .* draws multiples of 8: give 40"):
        check_trainable(ordinary, 37)
