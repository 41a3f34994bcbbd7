from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.generator.training.conftest import tiny
from vitrail.generator.checkpoints.embedded import NAME, embedded_path
from vitrail.generator.training import assembly
from vitrail.generator.training.emoji import EmojiImage
from vitrail.generator.training.model_card import write_card
from vitrail.generator.training.stages import Run
from vitrail.indexer.errors import CheckpointError

EXAMPLES = Path(__file__).parents[3] / "examples"


def thumbnail(image: Image.Image) -> NDArray[np.float64]:
    """(768,) RGB values of 16x16 pixels."""
    return np.asarray(image.convert("RGB").resize((16, 16)), float).ravel()


def test_an_exported_run_loads_as_stable_diffusion_and_draws(
    tmp_path: Path, images: list[EmojiImage]
) -> None:
    from diffusers import StableDiffusionPipeline

    run = Run(tmp_path / "run", images, tiny(2))
    run.train()
    built = assembly.assemble(run.autoencoder, run.denoiser, run.tokenizer)
    card = write_card(tmp_path / "run", len(images))
    size = assembly.export(built, tmp_path / "out", card)
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert size == sum(path.stat().st_size for path in files)
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".md"}
    assert "- diffusion: 2 steps" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")

    loaded = StableDiffusionPipeline.from_pretrained(tmp_path / "out")
    loaded.set_progress_bar_config(disable=True)
    drawn = assembly.sample(loaded, ["red square", "a blue square", ""], steps=2)
    assert [image.size for image in drawn] == [(16, 16)] * 3
    again = assembly.sample(loaded, ["a blue square"], steps=2)
    difference = np.abs(np.asarray(drawn[1], int) - np.asarray(again[0], int))
    assert difference.max() <= 1  # only the batch differs


def test_an_export_does_not_overwrite_another_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(CheckpointError, match="not empty"):
        assembly.export(None, tmp_path, "")
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_the_embedded_checkpoint_is_small_and_whole() -> None:
    folder = embedded_path()
    assert folder.name == NAME
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 25e6
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    assert index["_class_name"] == "StableDiffusionPipeline"
    assert index["safety_checker"] == [None, None]
    assert "Noto" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("count", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_the_embedded_checkpoint_draws_what_it_is_asked_for(count: int) -> None:
    """Each picture is nearer to the example of its name than to any of the others."""
    from diffusers import StableDiffusionPipeline

    files = sorted(EXAMPLES.glob("*/*.webp"))
    examples = np.stack([thumbnail(Image.open(file)) for file in files])
    asked = {
        "a green apple": "green-apple",
        "penguin, highly detailed": "penguin",
        "red apple": "red-apple",
        "rocket": "rocket",
        "a happy guitar": "guitar",
    }
    prompts = [*asked][:count]
    pipeline = StableDiffusionPipeline.from_pretrained(embedded_path())
    pipeline.set_progress_bar_config(disable=True)
    images = assembly.sample(pipeline, prompts, seed=1)
    distances = [np.square(examples - thumbnail(image)).sum(axis=1) for image in images]
    nearest = [files[int(row.argmin())].stem for row in distances]
    assert nearest == [asked[prompt] for prompt in prompts]
