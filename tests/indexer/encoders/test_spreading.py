"""Encoders in several places, here memory and files: what a machine without CUDA shows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.indexer.encoders.tiny import pixels, save_classifier, save_tower
from vitrail.indexer.encoders import EncoderSettings, load_encoder
from vitrail.indexer.encoders.checkpoints import Checkpoint, find_encoder_checkpoint
from vitrail.indexer.encoders.spreading import spread
from vitrail.indexer.encoders.torch_encoder import TorchEncoder, build_tower
from vitrail.indexer.encoders.tower import Tower
from vitrail.indexer.errors import InputError
from vitrail.indexer.training.options import FinetuningOptions

pytest.importorskip("accelerate")
CPU = torch.device("cpu")
SPACES = ("cls@3", "gem@2", "mean@1")


def weight(module: torch.nn.Module) -> int:
    """Bytes of its parameters and buffers."""
    tensors = [*module.parameters(), *module.buffers()]
    return sum(one.numel() * one.element_size() for one in tensors)


def room(tower: Tower) -> dict[int | str, int]:
    """Bytes of memory for all but half of the last block."""
    return {"cpu": weight(tower) - weight(tower.blocks[-1]) // 2}


def built(checkpoint: Checkpoint, spaces: Sequence[str], *, classify: bool = False) -> Tower:
    return build_tower(checkpoint, checkpoint.select(spaces), classify=classify)


@pytest.mark.parametrize(
    ("name", "spaces"),
    [("vit", SPACES), ("dinov3", SPACES), ("siglip-full", ("proj@3",)), ("head", SPACES)],
)
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_blocks_compute_the_same_wherever_they_lie(
    name: str, spaces: Sequence[str], precision: torch.dtype, tmp_path: Path
) -> None:
    if name == "head":
        save_classifier("vit", tmp_path / "model")
    else:
        save_tower(name, tmp_path / "model")
    checkpoint = find_encoder_checkpoint(str(tmp_path / "model"))
    whole, parted = (
        built(checkpoint, spaces, classify=name == "head").to(precision) for _ in range(2)
    )
    places = spread(parted, CPU, room(parted), tmp_path / "files")
    assert places == ("cpu", "disk")
    assert any(one.is_meta for one in parted.blocks[-1].parameters())
    images = torch.from_numpy(pixels(3))
    with torch.inference_mode():
        for one, other in zip(whole(images), parted(images), strict=True):
            assert torch.equal(one, other)
        tokens = whole.patch_tokens(images, (1, 3)), parted.patch_tokens(images, (1, 3))
    assert all(torch.equal(tokens[0][layer], tokens[1][layer]) for layer in (1, 3))


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    save_tower("vit", tmp_path)
    return find_encoder_checkpoint(str(tmp_path))


def test_one_place_with_room_takes_all(checkpoint: Checkpoint) -> None:
    tower = built(checkpoint, SPACES)
    assert spread(tower, CPU, {"cpu": 1 << 30}) == ("cpu",)
    assert not any(one.is_meta for one in tower.parameters())


def test_what_has_no_room_is_one_line(checkpoint: Checkpoint) -> None:
    tower = built(checkpoint, SPACES)
    with pytest.raises(InputError, match=r"takes 0\.0 GB, for which .* have no room.*bf16"):
        spread(tower, CPU, room(tower))
    assert not any(one.is_meta for one in tower.parameters())


def test_without_accelerate_it_is_named(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(InputError, match=r"needs accelerate.*pip install 'vitrail\[train\]'"):
        spread(built(checkpoint, SPACES), CPU)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there are devices to spread it over")
def test_where_there_is_nothing_to_spread_over_it_says_so(checkpoint: Checkpoint) -> None:
    settings = EncoderSettings(checkpoint.name, SPACES, device="spread")
    with pytest.raises(InputError, match=r"'spread' parts an encoder among CUDA devices.*use auto"):
        load_encoder(settings)


def test_an_encoder_says_where_it_lies(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vitrail.indexer.encoders import torch_encoder

    monkeypatch.setattr(torch_encoder, "choose_device", lambda _: CPU)
    parted, whole = (
        TorchEncoder(checkpoint, checkpoint.select(SPACES), device=device, precision="fp32")
        for device in ("spread", "cpu")
    )
    assert parted.runtime == "torch fp32 (spread over cpu)"
    assert whole.runtime == "torch fp32 (cpu)"
    for space, rows in whole.encode(pixels(2)).vectors.items():
        assert np.array_equal(rows, parted.encode(pixels(2)).vectors[space])


def test_nothing_is_trained_in_parts() -> None:
    with pytest.raises(InputError, match="device 'spread' is unknown"):
        FinetuningOptions(device="spread")
