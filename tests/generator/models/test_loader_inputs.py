"""Nothing but safetensors reaches a loader, and links count by the name they are given under."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.generator import tiny
from tests.generator.checkpoints.single_file import write_configuration, write_single_file
from vitrail.generator.adapters.ip_adapters import open_ip_adapter
from vitrail.generator.adapters.loras import find_loras, open_lora
from vitrail.generator.checkpoints.files import CheckpointInfo, find_checkpoint
from vitrail.generator.checks import Sampling
from vitrail.generator.models.pipelines import load_model
from vitrail.generator.tasks import text_to_image
from vitrail.generator.tasks.registry import run
from vitrail.indexer.errors import CheckpointError

ONE_STEP = Sampling(steps=1, guidance=1.0)


@pytest.fixture(autouse=True)
def _own_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def _no_pickle_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: Any, **__: Any) -> None:
        pytest.fail("a loader was given a pickle")

    monkeypatch.setattr(torch, "load", load)


def as_cached(folder: Path) -> Path:
    """The folder as the Hub's cache holds it: links to files whose names are hashes."""
    blobs = folder.parent / "blobs"
    blobs.mkdir(exist_ok=True)
    for number, file in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        blob = file.rename(blobs / f"{folder.name}{number:030x}")
        file.symlink_to(blob)
    return folder


def drawn(info: CheckpointInfo, *loras: str) -> bytes:
    files = [open_lora(text) for text in loras]
    (recipe,) = text_to_image.plan(info, "a red apple", sampling=ONE_STEP, loras=files)
    return run(load_model(info, loras=files), recipe).image.tobytes()


def test_a_checkpoint_its_lora_and_its_adapter_work_out_of_the_hub_s_cache(
    ordinary: CheckpointInfo, tmp_path: Path
) -> None:
    lora = tiny.build_lora(tmp_path / "loras" / "cats.safetensors", ordinary.path)
    adapter = tiny.build_ip_adapter(tmp_path / "adapter" / "models", ordinary.path)
    before = drawn(ordinary, str(lora))
    known, opened = open_lora(str(lora)), open_ip_adapter(str(adapter))

    cached = as_cached(Path(shutil.copytree(ordinary.path, tmp_path / "snapshot")))
    info = find_checkpoint(str(cached))
    assert info.content_hash == ordinary.content_hash
    for folder in (tmp_path / "loras", tmp_path / "adapter"):
        as_cached(folder)
    assert drawn(info, str(lora)) == before
    assert open_lora(str(lora)) == known
    assert open_ip_adapter(str(adapter)) == opened
    assert find_loras([known.record]) == (known,)


def pickled(place: Path) -> Path:
    """Puts a pickle where a weight file was, under the same name, by a link."""
    elsewhere = place.parent / "pickled.bin"
    torch.save({"weight": torch.zeros(1)}, elsewhere)
    place.unlink(missing_ok=True)
    place.symlink_to(elsewhere)
    return place


PARTS = ("unet", "vae", "text_encoder", "safety_checker")


def weights_of(folder: Path) -> Path:
    (file,) = folder.glob("*.safetensors")
    return file


@pytest.mark.parametrize("part", PARTS)
def test_a_pickle_under_another_name_is_refused_in_every_part(
    checkpoint: Callable[[str], CheckpointInfo], part: str, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(checkpoint("safe").path, tmp_path / "model"))
    pickled(weights_of(copy / part))
    with pytest.raises(CheckpointError, match=rf"{part}/.*can run code"):
        load_model(str(copy))


@pytest.mark.parametrize("part", PARTS)
def test_shards_that_lead_elsewhere_are_refused_in_every_part(
    checkpoint: Callable[[str], CheckpointInfo], part: str, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(checkpoint("safe").path, tmp_path / "model"))
    file = weights_of(copy / part)
    index = file.with_name(f"{file.name}.index.json")
    torch.save({"weight": torch.zeros(1)}, file.with_name("shard.bin"))
    for target in ("shard.bin", "../shard.safetensors", 3):
        index.write_text(json.dumps({"metadata": {}, "weight_map": {"weight": target}}))
        with pytest.raises(CheckpointError, match=r"only \.safetensors files beside it"):
            load_model(str(copy))
    index.write_text("{}")
    with pytest.raises(CheckpointError, match="names no files under weight_map"):
        load_model(str(copy))
    # an index beside a pickle, without the single file
    file.unlink()
    index.write_text(json.dumps({"metadata": {}, "weight_map": {"weight": "s.safetensors"}}))
    with pytest.raises(CheckpointError, match=r"lacks s\.safetensors"):
        load_model(str(copy))


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_pickles_alone_is_refused(
    checkpoint: Callable[[str], CheckpointInfo], part: str, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(checkpoint("safe").path, tmp_path / "model"))
    weights_of(copy / part).rename(copy / part / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=rf"pickled weights in {part}/"):
        find_checkpoint(str(copy))


def test_a_text_encoder_with_an_adapter_is_refused(
    ordinary: CheckpointInfo, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(ordinary.path, tmp_path / "model"))
    (copy / "text_encoder" / "adapter_config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"text_encoder' has an adapter_config"):
        find_checkpoint(str(copy))


@pytest.mark.parametrize(
    "index",
    [
        {"_class_name": ["module", "StableDiffusionPipeline"]},
        {"_class_name": 3},
        {"../../elsewhere": ["diffusers", "AutoencoderKL"]},
    ],
)
def test_an_index_of_nonsense_is_one_line(
    ordinary: CheckpointInfo, index: dict[str, object], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(ordinary.path, tmp_path / "model"))
    file = copy / "model_index.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | index))
    with pytest.raises(CheckpointError) as caught:
        find_checkpoint(str(copy))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "setting", "value"),
    [
        ("unet/config.json", "in_channels", "four"),
        ("unet/config.json", "sample_size", []),
        ("vae/config.json", "block_out_channels", 3),
        ("defaults.json", "steps", "many"),
    ],
)
def test_a_configuration_of_nonsense_is_one_line(
    ordinary: CheckpointInfo, file: str, setting: str, value: object, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(ordinary.path, tmp_path / "model"))
    path = copy / file
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(known | {setting: value}))
    with pytest.raises(CheckpointError, match="has a configuration that cannot be used"):
        find_checkpoint(str(copy))


def test_files_beside_a_checkpoint_are_held_to_the_same(
    ordinary: CheckpointInfo, tmp_path: Path
) -> None:
    lora = tiny.build_lora(tmp_path / "loras" / "cats.safetensors", ordinary.path)
    adapter = tiny.build_ip_adapter(tmp_path / "adapter", ordinary.path)
    single = write_single_file(ordinary.path, tmp_path / "model.safetensors")
    write_configuration(ordinary.path, tmp_path / "model")

    encoder = tmp_path / "adapter" / "image_encoder" / "model.safetensors"
    weights = load_file(encoder)
    pickled(encoder)
    with pytest.raises(CheckpointError, match="can run code"):
        open_ip_adapter(str(adapter))
    encoder.unlink()
    save_file(weights, encoder)
    (encoder.parent / "adapter_config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="adapter_config"):
        open_ip_adapter(str(adapter))
    (encoder.parent / "adapter_config.json").unlink()
    open_ip_adapter(str(adapter))

    for file, opened in ((lora, open_lora), (adapter, open_ip_adapter), (single, find_checkpoint)):
        data = file.read_bytes()
        file.write_bytes(data[:-1])
        with pytest.raises(CheckpointError, match="is cut short"):
            opened(str(file))
        other = file.with_name("noending")
        other.write_bytes(data)
        with pytest.raises(CheckpointError, match=r"is not a \.safetensors file"):
            opened(str(other))
        pickled(file)
        with pytest.raises(CheckpointError, match="can run code"):
            opened(str(file))
