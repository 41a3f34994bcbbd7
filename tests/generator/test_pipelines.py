from __future__ import annotations

import importlib.metadata
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from generator import text_to_image
from generator.checkpoint_files import CheckpointInfo, find_checkpoint
from generator.checks import Sampling
from generator.loras import open_lora
from generator.pipelines import load_model, quiet
from generator.png import encode_png
from generator.schedulers import SCHEDULERS, build_scheduler
from generator.tasks import run
from indexer.errors import CheckpointError, InputError
from tests.generator import tiny

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

    monkeypatch.setattr("generator.pipelines.version", version)
    with pytest.raises(CheckpointError, match=re.escape("pip install 'vitrail[generator]'")):
        load_model(ordinary)


def test_a_damaged_checkpoint_is_one_line(ordinary: CheckpointInfo, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(ordinary.path, tmp_path / "model"))
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"damaged or incomplete|cannot be loaded") as caught:
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


def test_a_single_file_needs_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import diffusers

    file = tmp_path / "model.safetensors"
    save_file(
        {
            "model.diffusion_model.input_blocks.0.0.weight": torch.zeros(2, 4, 1, 1),
            "first_stage_model.decoder.conv_in.weight": torch.zeros(1),
        },
        file,
    )

    def from_single_file(*_: Any, **__: Any) -> Any:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(diffusers.StableDiffusionPipeline, "from_single_file", from_single_file)
    with pytest.raises(CheckpointError, match=r"no route to host\): put a diffusers directory"):
        load_model(find_checkpoint(str(file)))
