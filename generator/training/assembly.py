"""Trained parts put together as a Stable Diffusion pipeline, and its export."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn

from vitrail.generator.training.diffusion import Denoiser, build_scheduler
from vitrail.generator.training.saving import load_as_float32
from vitrail.indexer.errors import CheckpointError

# What the exported model draws best with: see "Measured" in its card.
STEPS = 20
GUIDANCE = 1.5


def assemble(autoencoder: nn.Module, denoiser: Denoiser, tokenizer: Any) -> Any:
    """Return a ``StableDiffusionPipeline`` of the parts, without a safety checker."""
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline(
        vae=autoencoder.eval(),
        text_encoder=denoiser.text_encoder.eval(),
        tokenizer=tokenizer,
        unet=denoiser.unet.eval(),
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def sample(
    pipeline: Any,
    prompts: Sequence[str],
    *,
    steps: int = STEPS,
    guidance: float = GUIDANCE,
    seed: int = 0,
    batch: int = 16,
) -> list[Image.Image]:
    """Return one RGB image a prompt; the same prompt and seed give the same image.

    Args:
        pipeline: a ``StableDiffusionPipeline``.
        prompts: what to draw.
        steps: denoising steps.
        guidance: weight of classifier-free guidance; 1 is none.
        seed: of every image, whatever its place in the list.
        batch: prompts denoised together.
    """
    images: list[Image.Image] = []
    for start in range(0, len(prompts), batch):
        part = list(prompts[start : start + batch])
        images += pipeline(
            part,
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=[torch.Generator().manual_seed(seed) for _ in part],
        ).images
    return images


def export(pipeline: Any, folder: Path, card: str) -> int:
    """Write the pipeline in the diffusers layout, fp16 safetensors, its card and its defaults.

    Returns:
        The size of the folder in bytes.

    Raises:
        CheckpointError: the folder exists and holds something other than a checkpoint.
    """
    if folder.exists():
        if any(folder.iterdir()) and not (folder / "model_index.json").exists():
            raise CheckpointError(
                f"{folder} is not empty and no checkpoint: name another folder for the export"
            )
        shutil.rmtree(folder)
    for part in (pipeline.vae, pipeline.text_encoder, pipeline.unet):
        part.half()
    pipeline.save_pretrained(folder, safe_serialization=True)
    load_as_float32(folder / "text_encoder" / "config.json")
    defaults = {"steps": STEPS, "guidance": GUIDANCE}
    (folder / "defaults.json").write_text(json.dumps(defaults) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(card, encoding="utf-8")
    return sum(
        os.path.getsize(os.path.join(root, name))
        for root, _, names in os.walk(folder)
        for name in names
    )
