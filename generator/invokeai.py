"""Recipes in InvokeAI's images, of all three of its formats."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any


def read_invokeai(info: Mapping[str, str]) -> dict[str, Any] | None:
    """Its settings under the keys of ``generator.foreign.read_recipe``, or ``None``.

    Raises:
        ValueError: text that is no JSON, or that has another shape, raises this or its like.
    """
    if "invokeai_metadata" in info:
        return _read_current(json.loads(info["invokeai_metadata"]))
    if "sd-metadata" in info:
        return _read_older(json.loads(info["sd-metadata"]))
    if "Dream" in info:
        return _read_dream(info["Dream"])
    return None


def _read_current(data: dict[str, Any]) -> dict[str, Any]:
    """``invokeai_metadata``, since version 3."""
    return {
        "prompt": data.get("positive_prompt"),
        "negative_prompt": data.get("negative_prompt"),
        "seed": data.get("seed"),
        "steps": data.get("steps"),
        "guidance": data.get("cfg_scale"),
        "sampler": data.get("scheduler"),
        "width": data.get("width"),
        "height": data.get("height"),
        "strength": data.get("strength"),
        "model": _model_name(data.get("model")),
        "model_hash": data["model"].get("hash") if isinstance(data.get("model"), dict) else None,
        "version": data.get("app_version"),
        "lora": [
            {"name": _model_name(x.get("lora") or x.get("model")), "weight": x.get("weight")}
            for x in data.get("loras") or []
        ],
    }


def _model_name(model: Any) -> Any:
    if isinstance(model, dict):
        return model.get("model_name") or model.get("name") or model.get("key")
    return model


def _read_older(data: dict[str, Any]) -> dict[str, Any]:
    """``sd-metadata``, of version 2; a prompt's negative part stands in square brackets."""
    image = data.get("image") or {}
    prompt = image.get("prompt")
    if isinstance(prompt, list):
        prompt = " ".join(str(part.get("prompt", "")) for part in prompt)
    positive, negative = _split(str(prompt or ""))
    return {
        "prompt": positive,
        "negative_prompt": negative,
        "seed": image.get("seed"),
        "steps": image.get("steps"),
        "guidance": image.get("cfg_scale"),
        "sampler": image.get("sampler"),
        "width": image.get("width"),
        "height": image.get("height"),
        "strength": image.get("strength"),
        "model": data.get("model_weights") or data.get("model"),
        "model_hash": data.get("model_hash"),
        "version": data.get("app_version"),
    }


_DREAM = re.compile(r'\s*"(?P<prompt>.*)"(?P<options>.*)', re.DOTALL)
_OPTION = re.compile(r"-(?P<key>[A-Za-z])\s*(?P<value>[^\s-][^\s]*)")


def _read_dream(text: str) -> dict[str, Any] | None:
    """``Dream``, of version 1: a quoted prompt and options such as ``-s 50 -S 42 -C 7.5``."""
    match = _DREAM.match(text)
    if match is None:
        return None
    options = dict(_OPTION.findall(match["options"]))
    positive, negative = _split(match["prompt"])
    return {
        "prompt": positive,
        "negative_prompt": negative,
        "steps": options.get("s"),
        "seed": options.get("S"),
        "width": options.get("W"),
        "height": options.get("H"),
        "guidance": options.get("C"),
        "sampler": options.get("A"),
        "strength": options.get("f"),
    }


def _split(prompt: str) -> tuple[str, str]:
    negative = re.findall(r"\[([^\[\]]*)\]", prompt)
    return re.sub(r"\s*\[[^\[\]]*\]", "", prompt).strip(), " ".join(negative)
