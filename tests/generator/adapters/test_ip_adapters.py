from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.generator import tiny
from vitrail.generator.adapters.ip_adapters import (
    choose_ip_adapter,
    find_ip_adapter,
    open_ip_adapter,
)
from vitrail.generator.checkpoints.files import CheckpointInfo, find_checkpoint
from vitrail.indexer.errors import CheckpointError, InputError


@pytest.fixture(autouse=True)
def _own_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def models(tmp_path: Path, ordinary: CheckpointInfo) -> Path:
    """A folder ``models`` as published."""
    folder = tmp_path / "published" / "models"
    tiny.build_ip_adapter(folder, ordinary.path, name="ip-adapter_sd15.safetensors")
    return folder


def test_every_published_layout_is_read(models: Path) -> None:
    file = models / "ip-adapter_sd15.safetensors"
    found = open_ip_adapter(str(file), 0.3)
    assert (found.path, found.encoder) == (str(file), str(models / "image_encoder"))
    assert found.scale == 0.3
    assert open_ip_adapter(str(models), 0.3) == found
    assert open_ip_adapter(str(models.parent), 0.3) == found
    shutil.copy(file, models / "ip-adapter-other.safetensors")
    assert open_ip_adapter(str(models.parent), 0.3) == found  # the plain one of several
    beside = models.parent / "sdxl_models" / "xl.safetensors"
    beside.parent.mkdir()
    file.rename(beside)
    assert open_ip_adapter(str(beside)).encoder == found.encoder
    shutil.copy(beside, models / "third.safetensors")
    with pytest.raises(CheckpointError, match=r"holds several, ip-adapter-other\.s.*: give the p"):
        open_ip_adapter(str(models))


def test_what_is_no_usable_adapter_is_refused(models: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is no file or directory here"):
        open_ip_adapter(str(tmp_path / "missing.safetensors"))
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    with pytest.raises(CheckpointError, match=r"holds no \.safetensors file"):
        open_ip_adapter(str(pickled))
    (pickled / "a.bin").write_bytes(b"x")
    for given in (pickled, pickled / "a.bin"):
        with pytest.raises(CheckpointError, match=r"can run code: get its safetensors"):
            open_ip_adapter(str(given))

    file = models / "ip-adapter_sd15.safetensors"
    weights = load_file(file)
    faces = weights | {"image_proj.perceiver_resampler.proj_in.weight": torch.ones(2, 2)}
    for changed, says in (
        ({"a": torch.ones(2)}, "is no IP-Adapter"),
        (faces, "face identities"),
        (
            {k: v for k, v in weights.items() if "proj" not in k},
            "no image projection that is known",
        ),
        (weights | {"image_proj.proj.weight": torch.ones(64, 13)}, "is 13, and that in .* has 12"),
    ):
        save_file(changed, file)
        with pytest.raises(CheckpointError, match=says):
            open_ip_adapter(str(file))


def test_an_encoder_is_asked_for(models: Path) -> None:
    weights = models / "image_encoder" / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))
    with pytest.raises(CheckpointError, match=r"the image encoder of .* can run code"):
        open_ip_adapter(str(models))
    shutil.rmtree(models / "image_encoder")
    with pytest.raises(CheckpointError, match=r"has no image encoder: put its config\.json"):
        open_ip_adapter(str(models))


def test_a_checkpoint_s_own_is_used(ordinary: CheckpointInfo, models: Path, tmp_path: Path) -> None:
    assert choose_ip_adapter(ordinary) is None
    with pytest.raises(InputError, match=r"scale is given, and checkpoint .* has no"):
        choose_ip_adapter(ordinary, scale=0.5)
    with pytest.raises(InputError, match=r"IP-Adapter scale 1\.5 is outside"):
        choose_ip_adapter(ordinary, str(models), 1.5)
    own = Path(shutil.copytree(ordinary.path, tmp_path / "own"))
    shutil.copytree(models, own / "ip_adapter")
    info = find_checkpoint(str(own))
    assert info.content_hash == ordinary.content_hash  # its recipes are the same
    found = choose_ip_adapter(info)
    assert found is not None
    assert (Path(found.path).parent, found.scale) == (own / "ip_adapter", 0.6)
    (tmp_path / "cache" / "hashes.json").unlink()
    assert find_ip_adapter(found.record, info) == found  # without having met it before


def test_a_recipe_s_adapter_is_found_or_named(models: Path, ordinary: CheckpointInfo) -> None:
    used = open_ip_adapter(str(models), 0.4)
    assert find_ip_adapter(used.record, ordinary) == used
    with pytest.raises(CheckpointError, match=r"image encoder 000000000000, which is no more, or"):
        find_ip_adapter(replace(used.record, encoder_hash="0" * 64), ordinary)
    with pytest.raises(CheckpointError, match=r"\(sha256 000000000000\) .* is not known here: put"):
        find_ip_adapter(replace(used.record, content_hash="0" * 64), ordinary)
    with Path(used.path).open("ab") as file:
        file.write(b"trained on")
    with pytest.raises(
        CheckpointError, match=r"or changed, at .*ip-adapter_sd15\.safetensors: put"
    ):
        find_ip_adapter(used.record, ordinary)
