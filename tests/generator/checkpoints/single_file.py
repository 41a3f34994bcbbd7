"""Checkpoints of Stable Diffusion 1.x as one file in the layout of their first release."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

Tensors = dict[str, torch.Tensor]

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET_ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_VAE_ATTENTION = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}


def write_single_file(directory: Path, file: Path) -> Path:
    """Write the weights of a checkpoint in diffusers' layout as one safetensors file."""
    parts = {name: _load(directory / name) for name in ("unet", "vae", "text_encoder")}
    tensors: Tensors = {}
    for key, value in parts["unet"].items():
        tensors[f"model.diffusion_model.{_unet_name(key, parts['unet'])}"] = value
    for key, value in parts["vae"].items():
        name = _vae_name(key, parts["vae"])
        # attention was made of convolutions over one pixel
        shaped = (
            value[..., None, None] if re.search(r"attn_1\.(q|k|v|proj_out)\.w", name) else value
        )
        tensors[f"first_stage_model.{name}"] = shaped
    for key, value in parts["text_encoder"].items():
        name = f"text_model.{key.removeprefix('text_model.')}"
        tensors[f"cond_stage_model.transformer.{name}"] = value
    # such files also hold what the training needed
    tensors["betas"] = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    tensors["model_ema.decay"] = torch.tensor(0.9999)
    save_file({key: value.contiguous() for key, value in tensors.items()}, file)
    return file


def write_configuration(directory: Path, target: Path) -> Path:
    """Copy a checkpoint in diffusers' layout without its weights."""
    shutil.copytree(directory, target, ignore=shutil.ignore_patterns("*.safetensors"))
    return target


def _load(folder: Path) -> Tensors:
    (file,) = folder.glob("*.safetensors")
    tensors: Tensors = load_file(file)
    return tensors


def _unet_name(key: str, keys: Iterable[str]) -> str:
    module, _, kind = key.rpartition(".")
    if module in _UNET_ENDS:
        return f"{_UNET_ENDS[module]}.{kind}"
    per_block = 1 + max(
        int(n) for n in re.findall(r"down_blocks\.0\.resnets\.(\d)", " ".join(keys))
    )
    rules: list[tuple[str, Callable[[re.Match[str]], str]]] = [
        (
            r"down_blocks\.(\d)\.(resnets|attentions)\.(\d)\.",
            lambda m: f"input_blocks.{_nth(m, per_block) + 1}.{int(m[2] == 'attentions')}.",
        ),
        (
            r"down_blocks\.(\d)\.downsamplers\.0\.conv\.",
            lambda m: f"input_blocks.{(int(m[1]) + 1) * (per_block + 1)}.0.op.",
        ),
        (
            r"up_blocks\.(\d)\.(resnets|attentions)\.(\d)\.",
            lambda m: f"output_blocks.{_nth(m, per_block)}.{int(m[2] == 'attentions')}.",
        ),
        (
            r"up_blocks\.(\d)\.upsamplers\.0\.",
            lambda m: (
                f"output_blocks.{(int(m[1]) + 1) * (per_block + 1) - 1}."
                f"{1 + any(k.startswith(f'up_blocks.{m[1]}.attentions') for k in keys)}."
            ),
        ),
        (r"mid_block\.resnets\.(\d)\.", lambda m: f"middle_block.{2 * int(m[1])}."),
        (r"mid_block\.attentions\.0\.", lambda _: "middle_block.1."),
    ]
    name = _renamed(key, rules)
    if ".resnets." in key:
        first, _, last = name.rpartition(f".{kind}")[0].rpartition(".")
        return f"{first}.{_RESNET[last]}.{kind}"
    return name


def _nth(match: re.Match[str], per_block: int) -> int:
    return int(match[1]) * (per_block + 1) + int(match[3])


def _vae_name(key: str, keys: Iterable[str]) -> str:
    last = max(int(n) for n in re.findall(r"decoder\.up_blocks\.(\d)", " ".join(keys)))
    rules: list[tuple[str, Callable[[re.Match[str]], str]]] = [
        (r"down_blocks\.(\d)\.resnets\.", lambda m: f"down.{m[1]}.block."),
        (r"down_blocks\.(\d)\.downsamplers\.0\.", lambda m: f"down.{m[1]}.downsample."),
        (r"up_blocks\.(\d)\.resnets\.", lambda m: f"up.{last - int(m[1])}.block."),
        (r"up_blocks\.(\d)\.upsamplers\.0\.", lambda m: f"up.{last - int(m[1])}.upsample."),
        (r"mid_block\.resnets\.(\d)\.", lambda m: f"mid.block_{int(m[1]) + 1}."),
        (
            r"mid_block\.attentions\.0\.(group_norm|to_q|to_k|to_v|to_out\.0)\.",
            lambda m: f"mid.attn_1.{_VAE_ATTENTION[m[1]]}.",
        ),
        (r"conv_norm_out\.", lambda _: "norm_out."),
        (r"conv_shortcut\.", lambda _: "nin_shortcut."),
    ]
    return _renamed(key, rules)


def _renamed(key: str, rules: list[tuple[str, Callable[[re.Match[str]], str]]]) -> str:
    for pattern, name in rules:
        key = re.sub(rf"(?<![a-z_]){pattern}", name, key)
    return key
