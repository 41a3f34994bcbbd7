from __future__ import annotations

import importlib.metadata
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.generator import tiny
from tests.generator.checkpoints.single_file import write_configuration, write_single_file
from tests.generator.conftest import noise_image
from vitrail.generator.adapters.loras import open_lora
from vitrail.generator.checkpoints.files import CheckpointInfo, find_checkpoint
from vitrail.generator.checkpoints.schedulers import SCHEDULERS, build_scheduler
from vitrail.generator.checks import Sampling
from vitrail.generator.models.pipelines import load_model, quiet
from vitrail.generator.tasks import inpaint, text_to_image
from vitrail.generator.tasks.masks import box_mask
from vitrail.generator.tasks.registry import run
from vitrail.indexer.errors import CheckpointError, InputError
from vitrail.indexer.recipes.png import encode_png

TWO_STEPS = Sampling(steps=2)


def test_loaded_once_with_shared_weights(ordinary: CheckpointInfo) -> None:
    model = load_model(ordinary)
    assert load_model(str(ordinary.path)) is model
    unets = {id(model.pipeline(kind, "ddim").unet) for kind in ("text", "image", "inpaint")}
    assert len(unets) == 1
    assert (model.device, model.precision) == ("cpu", "fp32")


def test_unknown_devices_are_refused(ordinary: CheckpointInfo) -> None:
    with pytest.raises(InputError, match="device 'tpu'"):
        load_model(ordinary, device="tpu")
    with pytest.raises(InputError, match="precision 'int8'"):
        load_model(ordinary, precision="int8")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="'cuda' is not available here"):
            load_model(ordinary, device="cuda")


def test_missing_diffusers_names_the_command(
    ordinary: CheckpointInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = importlib.metadata.version

    def version(name: str) -> str:
        if name == "diffusers":
            raise importlib.metadata.PackageNotFoundError(name)
        return own(name)

    monkeypatch.setattr("vitrail.generator.models.pipelines.version", version)
    with pytest.raises(CheckpointError, match=re.escape("pip install 'vitrail[generator]'")):
        load_model(ordinary)


def test_a_damaged_checkpoint_is_one_line(ordinary: CheckpointInfo, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(ordinary.path, tmp_path / "model"))
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"is cut short, at 1,000 of ") as caught:
        load_model(str(copy))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers_keep_the_noise_schedule(name: str) -> None:
    from diffusers import DDPMScheduler

    source = DDPMScheduler(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction")
    assert source.config.clip_sample
    with quiet():  # some of diffusers' samplers convert arrays in a way numpy 2 deprecates
        made = build_scheduler(name, source.config)
    assert type(made).__name__ == SCHEDULERS[name]
    assert made.config.prediction_type == "v_prediction"
    assert made.config.beta_schedule == "squaredcos_cap_v2"
    assert not made.config.get("clip_sample", False)
    assert not made.config.get("thresholding", False)


@pytest.fixture(scope="module")
def lora(
    checkpoint: Callable[[str], CheckpointInfo], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    file = tmp_path_factory.mktemp("lora") / "paint.safetensors"
    return tiny.build_lora(file, checkpoint("ordinary").path)


def draw(info: CheckpointInfo, *texts: str) -> bytes:
    loras = [open_lora(text) for text in texts]
    recipe = text_to_image.plan(info, "a", sampling=TWO_STEPS, loras=loras)[0]
    return run(load_model(info, loras=loras), recipe).image.tobytes()


def test_a_lora_acts_by_its_weight(ordinary: CheckpointInfo, lora: Path) -> None:
    plain, half, full, none = (
        draw(ordinary, *texts) for texts in ([], [f"{lora}:0.5"], [str(lora)], [f"{lora}:0"])
    )
    assert len({plain, half, full}) == 3
    assert none == plain
    assert draw(ordinary) == plain  # nothing of it stays behind


def test_a_lora_is_recorded(ordinary: CheckpointInfo, lora: Path) -> None:
    found = open_lora(f"{lora}:0.5")
    recipe = text_to_image.plan(ordinary, "a", sampling=TWO_STEPS, loras=[found])[0]
    assert [(x.name, x.weight) for x in recipe.lora] == [("paint", 0.5)]
    assert b"<lora:paint:0.5>" in encode_png(run(load_model(ordinary, loras=[found]), recipe))
    with pytest.raises(InputError, match=re.escape("load it with paint:0.5")):
        run(load_model(ordinary), recipe)


def test_bad_loras_are_refused(ordinary: CheckpointInfo, lora: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is no file here"):
        open_lora(str(tmp_path / "missing.safetensors"))
    (tmp_path / "a.pt").write_bytes(b"x")
    with pytest.raises(CheckpointError, match="can run code"):
        open_lora(str(tmp_path / "a.pt"))
    with pytest.raises(InputError, match="not finite"):
        open_lora(f"{lora}:1e999")
    with pytest.raises(InputError, match="given twice"):
        draw(ordinary, str(lora), f"{lora}:0.5")


@pytest.mark.parametrize(
    "weights",
    [
        {"something.else": torch.zeros(2, 2)},
        {
            "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight": (
                torch.zeros(2, 77)
            ),
            "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.lora_B.weight": (
                torch.zeros(77, 2)
            ),
        },
    ],
)
def test_a_lora_of_another_model_is_refused(
    ordinary: CheckpointInfo, tmp_path: Path, weights: dict[str, Any]
) -> None:
    save_file(weights, tmp_path / "foreign.safetensors")
    with pytest.raises(CheckpointError, match="foreign") as caught:
        draw(ordinary, str(tmp_path / "foreign.safetensors"))
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def single(
    checkpoint: Callable[[str], CheckpointInfo], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """A checkpoint of a kind as one file, its configuration beside it."""

    def get(kind: str) -> Path:
        folder = tmp_path_factory.mktemp(kind)
        write_configuration(checkpoint(kind).path, folder / "model")
        return write_single_file(checkpoint(kind).path, folder / "model.safetensors")

    return get


@pytest.mark.parametrize("kind", ["ordinary", "nine"])
def test_a_single_file_draws_what_its_directory_draws(
    checkpoint: Callable[[str], CheckpointInfo], single: Callable[[str], Path], kind: str
) -> None:
    folder, file = checkpoint(kind), find_checkpoint(str(single(kind)))
    assert (file.path.suffix, file.content_hash == folder.content_hash) == (".safetensors", False)
    told = replace(file, path=folder.path, name=folder.name, content_hash=folder.content_hash)
    assert told == folder

    def draw_anew(info: CheckpointInfo) -> bytes:
        picture = noise_image(32, 32)
        mask = box_mask("0,0,16,16", (32, 32))
        recipe = inpaint.plan(info, "a red apple", picture, mask, sampling=TWO_STEPS)[0]
        return run(load_model(info), recipe, {"init": picture}).image.tobytes()

    assert draw_anew(file) == draw_anew(folder)
    if kind == "ordinary":
        text_encoders, drawn = [], []
        for info in (file, folder):
            text_encoders.append(load_model(info).pipeline("text", "ddim").text_encoder)
            drawn.append(draw(info))
        first, second = (part.state_dict() for part in text_encoders)
        assert first.keys() == second.keys()
        assert all(torch.equal(first[key], second[key]) for key in first)
        assert drawn[0] == drawn[1]


def test_a_single_file_without_configuration_names_the_remedy_offline(
    single: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    file = Path(shutil.copy(single("ordinary"), tmp_path / "alone.safetensors"))
    info = find_checkpoint(str(file))
    assert (info.native, info.scheduler) == (512, "pndm")
    with pytest.raises(CheckpointError) as caught:
        load_model(info)
    said = str(caught.value)
    assert "hf download stable-diffusion-v1-5/stable-diffusion-v1-5 " in said
    assert said.endswith(f"put that folder beside the file as {tmp_path / 'alone'}")
    assert "\n" not in said


def test_a_single_file_that_lacks_a_part_is_damaged(single: Callable[[str], Path]) -> None:
    file = single("ordinary")
    tensors = load_file(file)
    save_file({k: v for k, v in tensors.items() if "cond_stage_model" not in k}, file)
    with pytest.raises(CheckpointError, match="is damaged or incomplete") as caught:
        load_model(find_checkpoint(str(file)))
    assert "\n" not in str(caught.value)
