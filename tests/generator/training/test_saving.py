"""What was trained, as plain diffusers loads it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.generator.training.test_tuning import OPTIONS
from vitrail.generator.adapters.loras import open_lora
from vitrail.generator.checkpoints.files import CheckpointInfo, find_checkpoint
from vitrail.generator.models.libraries import quiet
from vitrail.generator.models.pipelines import load_model
from vitrail.generator.training.adapting import GeneratorTrainee, build_trainee
from vitrail.generator.training.saving import low_rank_files, save_generator, stored_precision
from vitrail.indexer.files.durability import rename

Checkpoints = Callable[[str], CheckpointInfo]
Pixels = np.ndarray[Any, Any]


def drawn(pipeline: Any) -> Pixels:
    with quiet():
        pipeline.set_progress_bar_config(disable=True)
        found: Pixels = pipeline(
            "a red cat",
            num_inference_steps=4,  # as few as its sampler can
            width=32,
            height=32,
            generator=torch.Generator().manual_seed(0),
            output_type="np",
        ).images
    return found


def plain(folder: str | Path, kind: str) -> Any:
    """Loaded by diffusers alone."""
    import diffusers

    name = "StableDiffusionXLPipeline" if kind == "xl" else "StableDiffusionPipeline"
    with quiet():
        return getattr(diffusers, name).from_pretrained(
            folder, local_files_only=True, dtype=torch.float32
        )


@torch.no_grad()
def taught(info: CheckpointInfo, **changes: object) -> GeneratorTrainee:
    """A trainee whose weights are others, as if it had learned."""
    trainee = build_trainee(info, replace(OPTIONS, **changes))  # type: ignore[arg-type]
    torch.manual_seed(0)
    for parameter in trainee.trained().values():
        parameter.add_(torch.randn_like(parameter) * 0.1)
    return trainee


@pytest.mark.parametrize("kind", ["ordinary", "xl"])
@pytest.mark.parametrize("changes", [{"text": True, "targets": "all"}, {}], ids=str)
def test_low_rank_weights_are_what_every_tool_loads(
    checkpoint: Checkpoints, tmp_path: Path, kind: str, changes: dict[str, object]
) -> None:
    info, folder = checkpoint(kind), tmp_path / "made"
    trainee = taught(info, **changes)
    wanted, before = drawn(trainee.pipeline), drawn(plain(info.path, kind))
    assert np.abs(wanted - before).max() > 1e-3
    save_generator(trainee, str(folder), {"trained": {"model": "x"}}, ["a red cat"])
    assert np.allclose(drawn(plain(folder, kind)), wanted, atol=1e-4)  # merged
    ours, theirs = low_rank_files(str(folder))
    assert Path(ours).parent == folder / "lora"
    assert theirs == str(folder / "webui" / "made.safetensors")
    for place, name in ((folder / "lora", None), (folder / "webui", "made.safetensors")):
        pipeline = plain(info.path, kind)
        with quiet():
            pipeline.load_lora_weights(place, **({} if name is None else {"weight_name": name}))
        assert np.allclose(drawn(pipeline), wanted, atol=1e-4), place
    layers = {key.partition(".")[0] for key in load_file(theirs)}
    unet = [layer for layer in layers if layer.startswith("lora_unet_")]
    texts = layers - set(unet)
    assert any("attn1_to_q" in layer for layer in unet)
    heads = ("lora_te1_text_model_", "lora_te2_text_model_") if kind == "xl" else ("lora_te_text_",)
    assert all(layer.startswith(heads) for layer in texts)
    assert bool(texts) == bool(changes)
    for file in (ours, theirs):  # and by what draws here
        model = load_model(info, loras=(open_lora(file),), device="cpu")
        assert np.allclose(drawn(model.pipeline("text", info.scheduler)), wanted, atol=2e-2)


def test_a_whole_one_is_a_model_directory_with_all_that_the_source_has(
    checkpoint: Checkpoints, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(checkpoint("ordinary").path, source)
    (source / "defaults.json").write_text('{"steps": 3, "guidance": 2.0}')
    (source / "scope.json").write_text('{"about": "small", "names": ["cat"], "around": []}')
    trainee = taught(find_checkpoint(str(source)), method="full")
    wanted = drawn(trainee.pipeline)
    (tmp_path / "made" / "training").mkdir(parents=True)
    (tmp_path / "made" / "training" / "run.json").write_text("{}")
    save_generator(trainee, str(tmp_path / "made"), {"trained": {}}, ["a zeb", "a zeb"])
    found = find_checkpoint(str(tmp_path / "made"))
    assert (found.steps, found.guidance) == (3, 2.0)
    assert np.allclose(drawn(plain(found.path, "ordinary")), wanted, atol=1e-5)
    assert json.loads((found.path / "scope.json").read_text())["names"] == ["a zeb", "cat"]
    assert low_rank_files(str(found.path)) == []
    # what tells of the training is no part of the model, which may be given away without
    shutil.rmtree(found.path / "training")
    (found.path / "vitrail.json").unlink()
    assert find_checkpoint(str(found.path)).content_hash == found.content_hash


def test_who_killed_the_writing_has_no_checkpoint_and_the_next_writes_it(
    checkpoint: Checkpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = iter(range(100))

    def dying(source: str, target: str) -> None:
        if next(count) == 3:
            raise KeyboardInterrupt
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("vitrail.indexer.training.staging.rename", dying)
        with pytest.raises(KeyboardInterrupt):
            save_generator(taught(checkpoint("ordinary")), str(tmp_path / "made"), {}, [])
    assert not (tmp_path / "made" / "model_index.json").exists()
    trainee = taught(checkpoint("ordinary"))
    wanted = drawn(trainee.pipeline)
    save_generator(trainee, str(tmp_path / "made"), {}, [])
    assert np.allclose(drawn(plain(tmp_path / "made", "ordinary")), wanted, atol=1e-4)
    assert not [path for path in (tmp_path / "made").iterdir() if path.suffix == ".tmp"]


def test_each_part_keeps_the_precision_that_it_was_stored_in(
    checkpoint: Checkpoints, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(checkpoint("ordinary").path, source)
    for part, name in (("unet", "diffusion_pytorch_model"), ("text_encoder", "model")):
        file = source / part / f"{name}.safetensors"
        save_file({key: one.half() for key, one in load_file(file).items()}, file)
    info = find_checkpoint(str(source))
    assert stored_precision(info, "unet") == torch.float16
    assert stored_precision(info, "vae") == torch.float32
    save_generator(taught(info), str(tmp_path / "made"), {}, [])
    for part, kind in (("unet", "F16"), ("vae", "F32"), ("text_encoder", "F16")):
        (file,) = (tmp_path / "made" / part).glob("*.safetensors")
        with safe_open(file, framework="pt") as opened:
            keys = list(opened.keys())
            assert {opened.get_slice(key).get_dtype() for key in keys} == {kind}
    config = json.loads((tmp_path / "made" / "text_encoder" / "config.json").read_text())
    assert config["dtype"] == "float32"  # whatever it is stored in, diffusers loads float32
    assert drawn(plain(tmp_path / "made", "ordinary")).shape == (1, 32, 32, 3)
