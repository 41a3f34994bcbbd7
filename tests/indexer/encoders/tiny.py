"""Tiny random checkpoints of every family, in transformers' own layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

SIDE = 32
DEPTH = 3
DIM = 32
_SIZES: dict[str, Any] = {
    "hidden_size": DIM,
    "num_hidden_layers": DEPTH,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": 8,
}
_VISION = {**_SIZES, "intermediate_size": 48}
_TEXT = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 20,
    "max_position_embeddings": 8,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}
_T: Any = transformers
TOWERS = (
    "vit",
    "vit-enlarged",
    "deit",
    "dinov2",
    "dinov2-swiglu",
    "dinov2-interpolated",
    "dinov2-registers",
    "dinov3",
    "siglip",
    "siglip-full",
    "clip",
    "clip-full",
)
CLASSIFIERS = ("vit", "deit", "deit-teacher", "dinov2", "dinov2-registers", "siglip", "clip")
PREPROCESSOR = {
    "image_processor_type": "ViTImageProcessor",
    "size": {"height": SIDE, "width": SIDE},
    "image_mean": [0.4, 0.5, 0.6],
    "image_std": [0.2, 0.3, 0.4],
}


def _config(name: str, **more: Any) -> Any:
    base = name.partition("-")[0]
    if name == "dinov2-registers":
        return _T.Dinov2WithRegistersConfig(**_SIZES, num_register_tokens=4, **more)
    if name == "dinov2-interpolated":
        return _T.Dinov2Config(**{**_SIZES, "image_size": 56}, **more)
    if name == "vit-enlarged":
        return _T.ViTConfig(**{**_VISION, "image_size": 24}, **more)
    if base == "dinov2":
        return _T.Dinov2Config(**_SIZES, use_swiglu_ffn=name.endswith("swiglu"), **more)
    if name == "dinov3":
        return _T.DINOv3ViTConfig(**_VISION, num_register_tokens=2, **more)
    if name in ("siglip", "clip") and not more:
        kind = {"siglip": _T.SiglipVisionConfig, "clip": _T.CLIPVisionConfig}[name]
        return kind(**_VISION)
    if base in ("siglip", "clip"):
        kind = {"siglip": _T.SiglipConfig, "clip": _T.CLIPConfig}[base]
        return kind(vision_config=dict(_VISION), text_config=dict(_TEXT), **more)
    return {"vit": _T.ViTConfig, "deit": _T.DeiTConfig}[base](**_VISION, **more)


_CLASSES = {
    "vit": "ViTModel",
    "vit-enlarged": "ViTModel",
    "deit": "DeiTModel",
    "dinov2": "Dinov2Model",
    "dinov2-swiglu": "Dinov2Model",
    "dinov2-interpolated": "Dinov2Model",
    "dinov2-registers": "Dinov2WithRegistersModel",
    "dinov3": "DINOv3ViTModel",
    "siglip": "SiglipVisionModel",
    "siglip-full": "SiglipModel",
    "clip": "CLIPVisionModel",
    "clip-full": "CLIPModel",
}
_HEADS = {
    "vit": "ViTForImageClassification",
    "deit": "DeiTForImageClassification",
    "deit-teacher": "DeiTForImageClassificationWithTeacher",
    "dinov2": "Dinov2ForImageClassification",
    "dinov2-registers": "Dinov2WithRegistersForImageClassification",
    "siglip": "SiglipForImageClassification",
    "clip": "CLIPForImageClassification",
}
LABELS = ("apple", "bear", "cat", "dog", "egg", "fox")


def save_tower(name: str, directory: Path) -> Any:
    """Write a random checkpoint; returns the transformers model whose outputs are the truth."""
    model = _randomised(getattr(_T, _CLASSES[name])(_config(name)))
    _save(model, directory)
    return getattr(model, "vision_model", model)


PAIRS = ("clip", "siglip")
LONGEST = 24  # tokens of a text


def save_pair(name: str, directory: Path) -> Any:
    """Write a random image-text checkpoint with a tokenizer; returns the transformers model."""
    tokenizer = _tokenizer(name)
    text = {
        **_TEXT,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": LONGEST,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if name == "clip":
        config = _T.CLIPConfig(vision_config=dict(_VISION), text_config=text, projection_dim=24)
    else:
        config = _T.SiglipConfig(vision_config=dict(_VISION), text_config={**text, **_AS_WIDE})
    model = _randomised(getattr(_T, _CLASSES[f"{name}-full"])(config))
    _save(model, directory)
    tokenizer.save_pretrained(directory)
    return model


_AS_WIDE = {"projection_size": DIM}  # as the images', which SigLIP has no projection for


def _tokenizer(name: str) -> Any:
    """Of letters, and one merge of them; CLIP's lowers them itself, as SigLIP 2's ought to."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    if name == "clip":
        pieces = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{one}</w>" for one in letters)]
        vocabulary = {piece: number for number, piece in enumerate([*pieces, "do"])}
        return _T.CLIPTokenizer(vocab=vocabulary, merges=[("d", "o")])
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *letters, *"ABCDEFGHIJKLMNO", "do"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    return _T.GemmaTokenizer(vocab=vocabulary, merges=[("d", "o")])


def save_classifier(name: str, directory: Path) -> Any:
    """Write a random checkpoint with a head; returns the transformers model."""
    labels = dict(enumerate(LABELS))
    config = _config(name, id2label=labels, label2id={v: k for k, v in labels.items()})
    model = _randomised(getattr(_T, _HEADS[name])(config))
    _save(model, directory)
    return model


def _randomised(model: Any) -> Any:
    """Far from initialisation, where every block and token would hardly matter."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(noise * 0.15)
    return model.eval()


def _save(model: Any, directory: Path) -> None:
    model.save_pretrained(directory)
    (directory / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR))


def pixels(n: int = 3, side: int = SIDE) -> NDArray[np.uint8]:
    """(n, side, side, 3) uint8 noise, always the same."""
    return np.random.default_rng(7).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def normalised(values: NDArray[np.uint8]) -> torch.Tensor:
    """What transformers feeds the model: (n, 3, side, side) float32."""
    mean, std = (torch.tensor(PREPROCESSOR[key]) for key in ("image_mean", "image_std"))
    return ((torch.from_numpy(values).float() / 255 - mean) / std).permute(0, 3, 1, 2)


def cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The smallest cosine of any pair of rows."""
    product = (one * other).sum(axis=1)
    return float((product / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)).min())
