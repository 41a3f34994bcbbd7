"""Checkpoints shaped like well-known ones, made from configs: random weights cost the same."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from benchmarks.pictures import cache_folder

VIT_BASE = "vit-base-16"
TINY = "vit-tiny"
_SHAPES: dict[str, dict[str, int]] = {
    VIT_BASE: {},  # transformers' defaults are ViT-B/16's
    TINY: {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "image_size": 32,
        "patch_size": 8,
    },
}


def checkpoint_folder(name: str) -> Path:
    """The directory of a model by name: ``vit-base-16``, ``vit-tiny``, or the embedded one."""
    from vitrail.indexer.encoders import EMBEDDED
    from vitrail.indexer.encoders.focus import embedded_directory

    if name == EMBEDDED:
        return embedded_directory()
    folder = cache_folder() / name
    if not folder.is_dir():
        _make(name, folder)
    return folder


def flops(config: dict[str, Any], *, side: int, blocks: int) -> float:
    """Floating-point operations of one image: two a multiply-add of every matrix product.

    Args:
        config: the checkpoint's config.json.
        side: of the square input in pixels.
        blocks: how many are run.
    """
    width, patch = config["hidden_size"], config["patch_size"]
    hidden = int(config.get("intermediate_size") or width * config["mlp_ratio"])
    patches = (side // patch) ** 2
    tokens = patches + 1
    linear = tokens * (4 * width * width + 2 * width * hidden)
    attention = 2 * tokens * tokens * width
    return float(2 * (patches * 3 * patch * patch * width + blocks * (linear + attention)))


def _make(name: str, folder: Path) -> None:
    import torch
    from transformers import ViTConfig, ViTModel

    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    torch.manual_seed(0)
    config = ViTConfig(**_SHAPES[name])
    model = ViTModel(config, add_pooling_layer=False)
    with torch.no_grad():  # at the initial scale every picture would get almost the same vector
        for weights in model.parameters():
            if weights.ndim == 2:
                weights.mul_(2.0)
    model.save_pretrained(partial)
    processor = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": config.image_size, "width": config.image_size},
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    (partial / "preprocessor_config.json").write_text(json.dumps(processor, indent=2))
    os.rename(partial, folder)
