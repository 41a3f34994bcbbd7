"""Recipes in InvokeAI's images, of all three of its formats."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vitrail.generator.json_text import read_object


def read_invokeai(info: Mapping[str, str]) -> dict[str, Any] | None:
    """Its settings under the keys of ``vitrail.generator.foreign.read_recipe``, or ``None``.

    Raises:
        AttributeError: JSON of another shape raises this, or a TypeError.
    """
    for name, read in (("invokeai_metadata", _read_current), ("sd-metadata", _read_older)):
        if name in info:
            data = read_object(info[name])
            return None if data is None else read(data)
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


# Possessive, as all patterns for strangers' texts here: what fails is not tried in other ways.
_OPTION = re.compile(r"-([A-Za-z])\s*+([^\s-]\S*+)")
_BRACKETS = re.compile(r"\[([^\[\]]*+)\]")


def _read_dream(text: str) -> dict[str, Any] | None:
    """``Dream``, of version 1: a quoted prompt and options such as ``-s 50 -S 42 -C 7.5``."""
    text = text.lstrip()
    end = text.rfind('"')
    if end < 1 or text[0] != '"':
        return None
    options = dict(_OPTION.findall(text[end + 1 :]))
    positive, negative = _split(text[1:end])
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
    """The positive part, and what stands in square brackets."""
    positive: list[str] = []
    at = 0
    for match in _BRACKETS.finditer(prompt):
        positive.append(prompt[at : match.start()].rstrip())
        at = match.end()
    positive.append(prompt[at:])
    return "".join(positive).strip(), " ".join(_BRACKETS.findall(prompt))
