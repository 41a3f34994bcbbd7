"""The ``parameters`` text of AUTOMATIC1111's web UI, which most tools for such images read."""

from __future__ import annotations

import json
import re
from typing import Any

from generator.recipes import IPAdapter, Recipe

_NEGATIVE = "Negative prompt:"
# A value is either JSON text in quotes or anything up to the next comma.
_PAIR = re.compile(r'\s*([\w][\w \-/\[\]().]*?):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)')
_LORA = re.compile(r"<lo(?:ra|ha|con):([^:<>]+)(?::(-?[\d.]+))?[^<>]*>")
_SAMPLERS = {
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "euler": "Euler",
    "euler_a": "Euler a",
    "dpm++2m": "DPM++ 2M",
    "unipc": "UniPC",
    "lcm": "LCM",
    "heun": "Heun",
    "pndm": "PLMS",
}


def write_parameters(recipe: Recipe) -> str:
    """The recipe as that text; for other tools, since not every prompt survives it."""
    pairs = {
        "Steps": recipe.steps,
        "Sampler": _SAMPLERS.get(recipe.scheduler, recipe.scheduler),
        "CFG scale": recipe.guidance,
        "Seed": recipe.seed,
        "Size": f"{recipe.width}x{recipe.height}",
        "Model hash": recipe.checkpoint_hash[:10],
        "Model": recipe.checkpoint,
        "Denoising strength": recipe.strength
        if recipe.content_strength is None
        else recipe.content_strength,
        "Lora hashes": ", ".join(f"{x.name}: {x.content_hash[:12]}" for x in recipe.lora),
        "Style strength": recipe.style_strength,
        "IP-Adapter": _ip_adapter(recipe.ip_adapter),
        "Version": f"vitrail {recipe.versions.get('vitrail', '')}".strip(),
    }
    lines = [recipe.prompt + "".join(f" <lora:{x.name}:{x.weight:g}>" for x in recipe.lora)]
    if recipe.negative_prompt:
        lines.append(f"{_NEGATIVE} {recipe.negative_prompt}")
    lines.append(", ".join(f"{k}: {_quote(v)}" for k, v in pairs.items() if v not in (None, "")))
    return "\n".join(lines)


def read_parameters(text: str) -> dict[str, Any] | None:
    """Prompt, negative prompt, steps, sampler, guidance, seed, size, model and LoRAs of that text.

    Returns:
        A dict with the keys of ``generator.foreign.read_recipe``; ``None`` if it is no such text.
    """
    lines = text.strip().split("\n")
    pairs = _pairs(lines[-1])
    if "Steps" not in pairs and not {"Seed", "Sampler"} <= pairs.keys():
        if len(lines) < 2 or _NEGATIVE not in text:
            return None
        pairs = {}
    else:
        lines = lines[:-1]
    prompt, negative = _split_prompts(lines)
    width, _, height = pairs.get("Size", "").partition("x")
    return {
        "prompt": prompt,
        "negative_prompt": negative,
        "steps": pairs.get("Steps"),
        "sampler": _sampler(pairs),
        "guidance": pairs.get("CFG scale") or pairs.get("Guidance Scale"),
        "seed": pairs.get("Seed"),
        "width": width,
        "height": height,
        "model": pairs.get("Model") or pairs.get("Base Model"),
        "model_hash": pairs.get("Model hash") or pairs.get("Base Model Hash"),
        "strength": pairs.get("Denoising strength"),
        "lora": _loras(prompt, pairs),
        "version": pairs.get("Version"),
    }


def _pairs(line: str) -> dict[str, str]:
    return {key.strip(): _unquote(value.strip()) for key, value in _PAIR.findall(line)}


def _split_prompts(lines: list[str]) -> tuple[str, str]:
    """The last line that starts so begins the negative prompt, as in the web UI itself."""
    starts = [i for i, line in enumerate(lines) if line.strip().startswith(_NEGATIVE)]
    if not starts:
        return "\n".join(lines).strip(), ""
    negative = "\n".join(lines[starts[-1] :]).strip()[len(_NEGATIVE) :]
    return "\n".join(lines[: starts[-1]]).strip(), negative.strip()


def _sampler(pairs: dict[str, str]) -> str | None:
    sampler, schedule = pairs.get("Sampler"), pairs.get("Schedule type")
    if sampler and schedule and schedule != "Automatic":
        return f"{sampler} {schedule}"
    return sampler


def _loras(prompt: str, pairs: dict[str, str]) -> list[dict[str, Any]]:
    entries = (entry.partition(":") for entry in pairs.get("Lora hashes", "").split(","))
    hashes = {name.strip(): digest.strip() for name, colon, digest in entries if colon}
    found = {name: weight or "1" for name, weight in _LORA.findall(prompt)}
    names = [*found, *(name for name in hashes if name not in found)]
    return [
        {"name": name, "weight": found.get(name), "content_hash": hashes.get(name)}
        for name in names
    ]


def _ip_adapter(used: IPAdapter | None) -> str | None:
    return None if used is None else f"{used.name}: {used.content_hash[:12]}: {used.scale:g}"


def _quote(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r"[,:\n\"]", text) else text


def _unquote(value: str) -> str:
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value
