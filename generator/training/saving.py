"""A trained pipeline as a model directory; low-rank weights and tokens as files of their own."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checkpoints.scope import FILE as SCOPE
from vitrail.generator.models.libraries import quiet
from vitrail.generator.training.adapting import UNET, GeneratorTrainee
from vitrail.indexer.encoders.weights import SUFFIX, read_object
from vitrail.indexer.training.staging import staged_model, weight_bytes

RECORD = "vitrail.json"
LORA, WEBUI = "lora", "webui"
"""Folders of the low-rank weights, as diffusers names them, and as other tools do."""
TOKENS = "embeddings"
"""Folder of what was learned of tokens, a file each."""
_KEYS = {"text_encoder": "clip_l", "text_encoder_2": "clip_g"}  # of SDXL's, as all tools name them
_INDEX, _DEFAULTS = "model_index.json", "defaults.json"
_HALVES = {"F16": torch.float16, "BF16": torch.bfloat16}


def save_generator(
    trainee: GeneratorTrainee, folder: str, record: Mapping[str, Any], captions: Sequence[str]
) -> None:
    """Write a trained pipeline in diffusers' layout, what lay beside its weights merged and apart.

    Each part has the precision that the checkpoint had it in. The trainee cannot learn any more
    afterwards.

    Args:
        trainee: that has learned; moved to the CPU.
        folder: where to; what is there under other names stays.
        record: how it was made, as plain JSON types; beside the model, for people.
        captions: that it learned, which a checkpoint with a scope of its own knows from now on, as
            it does tokens.

    Raises:
        CollectionError: the disk is full.
    """
    pipeline = trainee.pipeline
    pipeline.to("cpu")
    parts = [one for one in pipeline.components.values() if isinstance(one, nn.Module)]
    with staged_model(folder, weight_bytes(*parts), _INDEX) as staged:
        if trainee.low_rank:
            name = os.path.basename(os.path.abspath(folder))
            write_low_rank(type(pipeline), trainee.low_rank_weights(), staged, name)
        if rows := trainee.token_rows():
            write_tokens(rows, staged)
        trainee.merge()
        _fill(trainee, staged, record, (*captions, *rows))


def _fill(
    trainee: GeneratorTrainee, staged: str, record: Mapping[str, Any], captions: Sequence[str]
) -> None:
    info, pipeline = trainee.info, trainee.pipeline
    for name, part in pipeline.components.items():
        if isinstance(part, nn.Module):
            part.to(stored_precision(info, name))
        # How long its last text was cut and filled is kept with a tokenizer, and set by each call:
        # without this the file would tell what was drawn last.
        if (fast := getattr(part, "backend_tokenizer", None)) is not None:
            fast.no_truncation()
            fast.no_padding()
    with quiet():
        pipeline.save_pretrained(staged, safe_serialization=True)
    for config in Path(staged).glob("text_encoder*/config.json"):
        load_as_float32(config)
    _write_json(staged, RECORD, record)
    source = info.path if info.path.is_dir() else None
    if source is not None and (source / _DEFAULTS).is_file():
        shutil.copyfile(source / _DEFAULTS, os.path.join(staged, _DEFAULTS))
    if source is not None and (source / SCOPE).is_file():
        scope = read_object(source / SCOPE)
        names = {*scope.get("names", ()), *filter(None, captions)}
        _write_json(staged, SCOPE, scope | {"names": sorted(names)})


def _write_json(folder: str, name: str, value: Mapping[str, Any]) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    Path(folder, name).write_text(f"{text}\n", encoding="utf-8")


def stored_precision(info: CheckpointInfo, part: str) -> torch.dtype:
    """What a checkpoint's weights of a part are stored in: half as wide numbers, or float32.

    Args:
        info: which checkpoint.
        part: of its pipeline, such as ``unet``; of a single file the U-Net's holds for all.
    """
    from safetensors import safe_open

    single = info.path.is_file()
    files = [info.path] if single else sorted((info.path / part).glob(f"*{SUFFIX}"))
    for file in files:
        with safe_open(file, framework="pt") as opened:
            every = list(opened.keys())
            names = [name for name in every if not single or ".diffusion_model." in name]
            if names:
                return _HALVES.get(str(opened.get_slice(names[0]).get_dtype()), torch.float32)
    return torch.float32


def load_as_float32(config: Path) -> None:
    """Let a text encoder be loaded as float32, whatever it is stored in.

    transformers loads weights as the config says, diffusers as float32: they have to agree.
    """
    values = json.loads(config.read_text(encoding="utf-8"))
    values["dtype"] = "float32"
    config.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def write_low_rank(
    pipeline: Any, weights: Mapping[str, Mapping[str, Tensor]], folder: str, name: str
) -> None:
    """Write low-rank weights as diffusers names them, and as ComfyUI and A1111 do.

    Args:
        pipeline: diffusers' class.
        weights: by part and name, each (r, in, ...) or (out, r, ...); see
            ``GeneratorTrainee.low_rank_weights``.
        folder: gets ``lora/pytorch_lora_weights.safetensors`` and ``webui/NAME.safetensors``.
        name: what the latter is called.
    """
    from diffusers.utils import convert_all_state_dict_to_peft, convert_state_dict_to_kohya
    from safetensors.torch import load_file, save_file

    given = {
        f"{part}_lora_layers": {_file_name(part, key): one for key, one in own.items()}
        for part, own in weights.items()
    }
    with quiet():
        own = os.path.join(folder, LORA)
        pipeline.save_lora_weights(own, safe_serialization=True, **given)
        written = load_file(os.path.join(own, f"pytorch_lora_weights{SUFFIX}"))
        named = convert_state_dict_to_kohya(convert_all_state_dict_to_peft(written))
    if "text_encoder_2" not in weights:
        # A1111 knows the one text encoder of SD 1 and 2 without a number
        named = {key.replace("lora_te1_", "lora_te_"): one for key, one in named.items()}
    os.makedirs(os.path.join(folder, WEBUI), exist_ok=True)
    save_file(named, os.path.join(folder, WEBUI, f"{name}{SUFFIX}"))


def write_tokens(rows: Mapping[str, Mapping[str, Tensor]], folder: str) -> None:
    """Write what was learned of tokens as diffusers, ComfyUI and A1111 load it.

    Of a checkpoint with one text encoder, a file has the rows by the token; of SDXL as ``clip_l``
    and ``clip_g``. The latter two tools call a token as its file is called.

    Args:
        rows: (k, d) float32 by token and text encoder.
        folder: gets ``embeddings/NAME.safetensors`` of each.
    """
    from safetensors.torch import save_file

    os.makedirs(os.path.join(folder, TOKENS), exist_ok=True)
    for token, parts in rows.items():
        several = len(parts) > 1
        given = {_KEYS[part] if several else token: one for part, one in parts.items()}
        save_file(given, os.path.join(folder, TOKENS, f"{token.strip('<>')}{SUFFIX}"))


def token_files(folder: str) -> list[str]:
    """Files of tokens that lie in a model directory."""
    return [str(path) for path in sorted(Path(folder, TOKENS).glob(f"*{SUFFIX}"))]


def low_rank_files(folder: str) -> list[str]:
    """Files of low-rank weights that lie in a model directory, diffusers' first."""
    return [
        str(path) for own in (LORA, WEBUI) for path in sorted(Path(folder, own).glob(f"*{SUFFIX}"))
    ]


def _file_name(part: str, key: str) -> str:
    """A weight's name in files, which have a level that text encoders of transformers lack now."""
    return key if part == UNET or key.startswith(_LEVEL) else f"{_LEVEL}{key}"


_LEVEL = "text_model."
