"""A checkpoint's preprocessor_config.json, as its own image processor would read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from indexer.errors import CheckpointError
from indexer.preprocess import Preprocess

FILES = ("preprocessor_config.json", "processor_config.json")
_BILINEAR, _BICUBIC = 2, 3  # Pillow's numbers
_HALF = [0.5, 0.5, 0.5]
_IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
_OPENAI = ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])
_SHORTEST = {
    "resample": _BICUBIC,
    "size": {"shortest_edge": 224},
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "image_mean": _OPENAI[0],
    "image_std": _OPENAI[1],
}
# What each processor class takes where its file is silent (transformers' class attributes).
_DEFAULTS: dict[str, dict[str, Any]] = {
    "ViT": {
        "resample": _BILINEAR,
        "size": {"height": 224, "width": 224},
        "image_mean": _HALF,
        "image_std": _HALF,
    },
    "DeiT": {
        "resample": _BICUBIC,
        "size": {"height": 256, "width": 256},
        "crop_size": {"height": 224, "width": 224},
        "do_center_crop": True,
        "image_mean": _HALF,
        "image_std": _HALF,
    },
    "Siglip": {
        "resample": _BICUBIC,
        "size": {"height": 224, "width": 224},
        "image_mean": _HALF,
        "image_std": _HALF,
    },
    # transformers has this one on torchvision only; ours resizes with Pillow, as the others do.
    "DINOv3ViT": {
        "resample": _BILINEAR,
        "size": {"height": 224, "width": 224},
        "image_mean": _IMAGENET[0],
        "image_std": _IMAGENET[1],
    },
    "Bit": _SHORTEST,
    "CLIP": _SHORTEST,
}
_BY_FAMILY = {
    "vit": "ViT",
    "deit": "DeiT",
    "dinov2": "Bit",
    "dinov2_with_registers": "Bit",
    "dinov3_vit": "DINOv3ViT",
    "siglip_vision_model": "Siglip",
    "clip_vision_model": "CLIP",
}
_SUFFIXES = ("Fast", "Pil", "ImageProcessor", "FeatureExtractor")


def read_preprocess(directory: Path, *, model_type: str, name: str) -> Preprocess:
    """The preprocessing that a checkpoint directory asks for.

    Args:
        directory: holds preprocessor_config.json or processor_config.json.
        model_type: of the tower; decides the defaults where the file names no known class.
        name: the checkpoint, for messages.

    Raises:
        CheckpointError: no such file, or one that does not make square pixels.
    """
    path = next((directory / file for file in FILES if (directory / file).is_file()), None)
    if path is None:
        raise CheckpointError(
            f"{name!r} has no preprocessor_config.json: save its image processor beside the "
            f"weights (processor.save_pretrained)"
        )
    try:
        raw = json.loads(path.read_bytes())
        spec = from_config(raw.get("image_processor", raw), model_type=model_type)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise CheckpointError(
            f"{path} cannot be read as an image processor's file ({error!r}): download it again"
        ) from None
    if spec.image_size == 0:
        raise CheckpointError(
            f"{name!r} does not make square pictures of one size (see {path.name}): set size to "
            f"one height and width, or crop_size"
        )
    return spec


def from_config(raw: Mapping[str, Any], *, model_type: str) -> Preprocess:
    """Read the plain JSON of an image processor.

    Raises:
        KeyError, TypeError, ValueError: it is not one.
    """
    kind = str(raw.get("image_processor_type") or raw.get("feature_extractor_type") or "")
    for suffix in _SUFFIXES:
        kind = kind.removesuffix(suffix)
    given = {key: value for key, value in raw.items() if value is not None}
    full = {**_DEFAULTS.get(kind, _DEFAULTS[_BY_FAMILY[model_type]]), **given}
    square = kind not in ("Bit", "CLIP", "Siglip")
    size = _size(full["size"], square=square) if full.get("do_resize", True) else {}
    crop = _size(full["crop_size"], square=True) if full.get("do_center_crop") else None
    mean, std = _normalisation(full)
    return Preprocess(
        shortest_edge=int(size["shortest_edge"]) if "shortest_edge" in size else None,
        size=(int(size["height"]), int(size["width"])) if "height" in size else None,
        resample=int(full["resample"]),
        crop=(int(crop["height"]), int(crop["width"])) if crop else None,
        mean=mean,
        std=std,
    )


def _size(value: Any, *, square: bool) -> dict[str, int]:
    """The dict form; old files have a bare number, whose meaning depends on the processor."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (list, tuple)):
        return {"height": int(value[0]), "width": int(value[1])}
    return {"height": value, "width": value} if square else {"shortest_edge": value}


Triple = tuple[float, float, float]


def _normalisation(full: Mapping[str, Any]) -> tuple[Triple, Triple]:
    """Mean and std for pixels / 255, another rescale factor folded in."""
    factor = float(full.get("rescale_factor", 1 / 255)) if full.get("do_rescale", True) else 1.0
    ratio = 255.0 * factor
    if abs(ratio - 1.0) < 1e-9:
        ratio = 1.0  # 1 / 255 written with few digits must not change the fingerprint
    normalise = full.get("do_normalize", True)
    mean = _triple(full["image_mean"]) if normalise else (0.0, 0.0, 0.0)
    std = _triple(full["image_std"]) if normalise else (1.0, 1.0, 1.0)
    return (
        (mean[0] / ratio, mean[1] / ratio, mean[2] / ratio),
        (std[0] / ratio, std[1] / ratio, std[2] / ratio),
    )


def _triple(value: Any) -> Triple:
    if isinstance(value, (int, float)):
        return (float(value),) * 3
    return (float(value[0]), float(value[1]), float(value[2]))
