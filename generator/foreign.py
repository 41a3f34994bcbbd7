"""Recipes of images by other tools, read from their text metadata; imports no framework.

Own readers, since the library for it (sd-parsers 0.6) raises on prompts that hold ``Negative
prompt:``, cuts quoted values at their commas, and does not read LoRAs out of ComfyUI's graphs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from vitrail.generator.comfyui import read_graph
from vitrail.generator.invokeai import read_invokeai
from vitrail.generator.json_text import read_object
from vitrail.generator.parameters import read_parameters
from vitrail.generator.png import KEYWORD, read_inscription

Reader = Callable[[Mapping[str, str]], dict[str, Any] | None]
_MAX_SEED = 2**64 - 1
_DIGITS = 100  # characters of a number; Python refuses to read 4,301 digits
_LONGEST = 1 << 16  # characters of a prompt; what is longer is cut, for it would be in every search
_TEXTS = ("parameters", "UserComment", "comment", "ImageDescription", "Comment")


def read_recipe(info: Mapping[str, str]) -> dict[str, Any] | None:
    """What made the image, as far as its text metadata tells; never raises.

    Args:
        info: text metadata by name, as ``vitrail.indexer.images.opening.OpenedImage.info``.

    Returns:
        ``Recipe.to_dict`` of an image of ours; for other tools a dict with ``tool`` and as many of
        ``prompt``, ``negative_prompt``, ``seed``, ``steps``, ``guidance``, ``sampler``, ``model``,
        ``model_hash``, ``width``, ``height``, ``strength``, ``version`` and ``lora`` (a list of
        ``name``, ``weight``, ``content_hash``) as are known; ``None`` for an image of no generator.
    """
    for reader in _READERS:
        try:
            found = reader(info)
        except Exception:  # noqa: S112 - metadata is anybody's text, and this is no log's concern
            continue
        if found is not None:
            return found
    return None


def _ours(info: Mapping[str, str]) -> dict[str, Any] | None:
    inscription = read_inscription(info.get(KEYWORD, ""))
    if inscription is None:
        return None
    return {"tool": KEYWORD, "nsfw": inscription.nsfw} | inscription.recipe.to_dict()


def _invokeai(info: Mapping[str, str]) -> dict[str, Any] | None:
    return _finish("invokeai", read_invokeai(info))


def _novelai(info: Mapping[str, str]) -> dict[str, Any] | None:
    if "NovelAI" not in info.get("Software", "") and "NovelAI" not in info.get("Source", ""):
        return None
    comment = read_object(info.get("Comment", "{}")) or {}
    return _finish(
        "novelai",
        {
            "prompt": comment.get("prompt") or info.get("Description"),
            "negative_prompt": comment.get("uc"),
            "seed": comment.get("seed"),
            "steps": comment.get("steps"),
            "guidance": comment.get("scale"),
            "sampler": comment.get("sampler"),
            "width": comment.get("width"),
            "height": comment.get("height"),
            "strength": comment.get("strength"),
            "model": info.get("Source"),
        },
    )


def _fooocus(info: Mapping[str, str]) -> dict[str, Any] | None:
    """Fooocus writes JSON under ``parameters`` in its own scheme; its other is the web UI's."""
    scheme = info.get("fooocus_scheme") or info.get("MakerNote", "")
    for name in _TEXTS:
        data = read_object(info.get(name, ""))
        if data is None or not {"base_model", "guidance_scale"} & data.keys():
            continue
        width, height = _numbers(str(data.get("resolution", "")), 2)
        return _finish(
            "fooocus",
            {
                "prompt": data.get("prompt"),
                "negative_prompt": data.get("negative_prompt"),
                "seed": data.get("seed"),
                "steps": data.get("steps"),
                "guidance": data.get("guidance_scale"),
                "sampler": data.get("sampler"),
                "model": data.get("base_model"),
                "model_hash": data.get("base_model_hash"),
                "width": width,
                "height": height,
                "lora": _fooocus_loras(data),
                "version": data.get("version"),
            },
        )
    if scheme.strip().lower() not in ("fooocus", "a1111"):
        return None
    return _finish(
        "fooocus", read_parameters(info.get("parameters") or info.get("UserComment", ""))
    )


def _fooocus_loras(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """``loras`` is a list of [name, weight, hash]; older versions number ``lora_combined_N``."""
    found = []
    for item in data.get("loras") or []:
        name, weight, digest = [*item, None, None, None][:3]
        found.append({"name": name, "weight": weight, "content_hash": digest})
    for key, value in data.items():
        if key.startswith("lora_combined_"):
            name, _, weight = str(value).rpartition(" : ")
            found.append({"name": name, "weight": weight})
    return found


def _comfyui(info: Mapping[str, str]) -> dict[str, Any] | None:
    for name in ("prompt", "Make", "Model", "ImageDescription", "UserComment"):
        text = info.get(name, "")
        # In WebP files the graph stands in an EXIF tag, behind its name.
        graph = read_object(_after(text, "prompt:"))
        if graph is not None and isinstance(graph.get("prompt"), dict):
            graph = graph["prompt"]
        found = read_graph(graph) if graph else None
        if found is not None:
            return _finish("comfyui", found)
    text = info.get("workflow") or info.get("Make", "")
    workflow = read_object(_after(text, "workflow:"))
    if workflow is not None and isinstance(workflow.get("nodes"), list):
        return {"tool": "comfyui"}
    return None


def _automatic1111(info: Mapping[str, str]) -> dict[str, Any] | None:
    for name in _TEXTS:
        found = read_parameters(info.get(name, ""))
        if found is not None:
            forge = re.match(r"f\d", str(found.get("version") or ""))
            return _finish("forge" if forge else "automatic1111", found)
    return None


def _finish(tool: str, found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Values in their types; what is missing, empty or nonsense is left out."""
    if found is None:
        return None
    kept: dict[str, Any] = {"tool": tool}
    for name, convert in _FIELDS.items():
        value = convert(found.get(name))
        if value not in (None, "", []):
            kept[name] = value
    return kept


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        value = ", ".join(filter(None, map(_text, value)))
    return str(value).strip()[:_LONGEST] if isinstance(value, str | int | float) else None


def _integer(value: Any) -> int | None:
    number = _real(value)
    if number is None:
        return None
    # Seeds exceed what a float holds exactly.
    text = str(value).strip()
    exact = int(text) if text.isdecimal() else int(number)
    return exact if 0 <= exact <= _MAX_SEED else None


def _real(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and len(value) > _DIGITS:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _loras(value: Any) -> list[dict[str, Any]]:
    found = []
    for item in value if isinstance(value, list) else []:
        name = _text(item.get("name"))
        if name and name != "None":
            lora: dict[str, Any] = {"name": name, "weight": _real(item.get("weight"))}
            lora["content_hash"] = _text(item.get("content_hash"))
            found.append({k: v for k, v in lora.items() if v is not None})
    return found


def _after(text: str, name: str) -> str:
    """The text without a name in front, whose first letter may be a capital."""
    text = text.lstrip()
    return text[len(name) :] if text.startswith((name, name.capitalize())) else text


def _numbers(text: str, count: int) -> list[str | None]:
    return [*re.findall(r"\d+", text), *[None] * count][:count]


_FIELDS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("prompt", "negative_prompt"), _text),
    **dict.fromkeys(("seed", "steps", "width", "height"), _integer),
    **dict.fromkeys(("guidance", "strength"), _real),
    **dict.fromkeys(("sampler", "model", "model_hash", "version"), _text),
    "lora": _loras,
}
# Ours first, since it writes the web UI's text too; then those that no other one resembles.
_READERS: tuple[Reader, ...] = (_ours, _invokeai, _novelai, _fooocus, _comfyui, _automatic1111)
