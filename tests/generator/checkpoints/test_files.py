from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from safetensors.torch import save_file

from vitrail.generator.checkpoints.files import CheckpointInfo, find_checkpoint
from vitrail.indexer.errors import CheckpointError

Get = Callable[[str], CheckpointInfo]


@pytest.fixture
def copy(ordinary: CheckpointInfo, tmp_path: Path) -> Path:
    """A copy of the ordinary checkpoint, to be spoilt."""
    return Path(shutil.copytree(ordinary.path, tmp_path / "model"))


def test_what_is_read_of_each_kind(checkpoint: Get) -> None:
    ordinary, nine, wide, xl, lcm = map(checkpoint, ("ordinary", "nine", "wide", "xl", "lcm"))
    assert (ordinary.family, ordinary.native, ordinary.multiple) == ("sd", 32, 8)
    assert (ordinary.inpaints, nine.inpaints, wide.inpaints) == (False, True, False)
    assert (wide.latent_channels, wide.scheduler) == (8, "ddim")
    assert (xl.family, lcm.family, lcm.steps) == ("xl", "lcm", 4)


def test_the_embedded_one() -> None:
    info = find_checkpoint()
    assert (info.name, info.native, info.family) == ("emoji-diffusion-64", 64, "sd")
    assert info.largest == 128
    assert info.from_pure_noise


def test_the_hash_follows_the_content(copy: Path, ordinary: CheckpointInfo) -> None:
    assert find_checkpoint(str(copy)).content_hash == ordinary.content_hash
    (copy / "README.md").write_text("about it")
    assert find_checkpoint(str(copy)).content_hash == ordinary.content_hash
    config = copy / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace("0.012", "0.013"))
    assert find_checkpoint(str(copy)).content_hash != ordinary.content_hash


def test_its_own_defaults(copy: Path) -> None:
    (copy / "defaults.json").write_text(json.dumps({"steps": 9, "guidance": 3, "largest": 40}))
    info = find_checkpoint(str(copy))
    assert (info.steps, info.guidance, info.largest) == (9, 3.0, 40)


def refused(name: str, message: str) -> None:
    with pytest.raises(CheckpointError, match=re.escape(message)) as caught:
        find_checkpoint(name)
    assert "\n" not in str(caught.value)


def test_other_folders_are_refused(copy: Path, tmp_path: Path) -> None:
    refused(str(tmp_path), "is no diffusion checkpoint: it has no model_index.json")
    index = copy / "model_index.json"
    text = index.read_text()
    index.write_text(text.replace("StableDiffusionPipeline", "FluxPipeline"))
    refused(str(copy), "is a FluxPipeline, which is not supported")
    index.write_text("{")
    refused(str(copy), "is not JSON")
    index.write_text("[]")
    refused(str(copy), "is not a JSON object")
    index.write_text(text)
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    refused(str(copy), "holds pickled weights in unet/, which can run code")
    shutil.rmtree(copy / "vae")
    refused(str(copy), "has no config.json")


def test_other_names_are_refused(tmp_path: Path) -> None:
    for name in ("nothing-here", "./a/b", "/no/such/folder", "a/b.safetensors"):
        refused(name, "is no directory or file here and no Hub name")
    (tmp_path / "a.ckpt").write_bytes(b"x")
    refused(str(tmp_path / "a.ckpt"), "is a pickle, which can run code")


def test_single_files_are_told_by_their_header(tmp_path: Path) -> None:
    parts = {
        "model.diffusion_model.input_blocks.0.0.weight": torch.zeros(2, 9, 1, 1),
        "first_stage_model.decoder.conv_in.weight": torch.zeros(1),
    }
    file = tmp_path / "model.safetensors"
    save_file(parts, file)
    info = find_checkpoint(str(file))
    assert (info.family, info.in_channels, info.inpaints, info.native) == ("sd", 9, True, 512)
    save_file(parts | {"conditioner.embedders.0.x": torch.zeros(1)}, file)
    assert find_checkpoint(str(file)).family == "xl"
    file.write_bytes(file.read_bytes()[:-1])
    refused(str(file), f"is cut short, at {file.stat().st_size:,} of {file.stat().st_size + 1:,}")
    save_file({"lora_unet.weight": torch.zeros(1)}, file)
    refused(str(file), "give a full checkpoint, and LoRA files by --lora")
    for junk in (b"", b"GIF89a", b"\xff" * 100, b"\x02\0\0\0\0\0\0\0[]"):
        file.write_bytes(junk)
        refused(str(file), "is no safetensors file")


def test_the_hub_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot(*_: Any, **__: Any) -> str:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    refused("org/name", "the Hub cannot be reached (ConnectionError: no route to host)")
    refused("org/name", "or use the embedded model: --model embedded")


def test_the_cache_serves_without_asking(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ordinary: CheckpointInfo
) -> None:
    commit = Path(shutil.copytree(ordinary.path, tmp_path / ("c" * 40)))

    def snapshot(*_: Any, local_files_only: bool, **__: Any) -> str:
        if not local_files_only:
            raise ConnectionError("no route to host")
        return str(commit)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    info = find_checkpoint("org/name")
    assert (info.name, info.revision, info.path) == ("org/name", "c" * 40, commit)
    assert info.content_hash == ordinary.content_hash

    for part in ("tokenizer/tokenizer.json", "unet/config.json", "vae/*.safetensors"):
        (file,) = commit.glob(part)
        moved = file.rename(tmp_path / "moved")
        refused("org/name", "the Hub cannot be reached (ConnectionError: no route to host)")
        moved.rename(file)
