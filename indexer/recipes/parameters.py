"""The ``parameters`` text of AUTOMATIC1111's web UI, which most tools for such images read."""

from __future__ import annotations

import json
import re
from typing import Any

from vitrail.indexer.recipes.recipe import IPAdapter, Recipe

_NEGATIVE = "Negative prompt:"
# These texts are anybody's. Each pattern is possessive and starts at a character that its own run
# cannot hold, so that a failed match is never tried again from within: the time is linear.
_NEGATIVE_LINE = re.compile(r"(?:^|\n)[^\S\n]*+" + _NEGATIVE)
_KEY = re.compile(r"[\w \-/\[\]().]*+")  # read backwards from the colon
_WORD = re.compile(r"\w")
_SPACE = re.compile(r"\s*+")
_QUOTED = re.compile(r'"(?:[^"\\]++|\\.)*+"')
_LORA = re.compile(r"<lo(?:ra|ha|con):([^<>]++)>")
_WEIGHT = re.compile(r"-?[\d.]+")
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
        "Style method": recipe.style_method,
        "Query kept": recipe.query_kept,
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
        A dict with the keys of ``foreign.read_recipe``; ``None`` if it is no such text.
    """
    text = text.strip()
    before, newline, last = text.rpartition("\n")
    pairs = _pairs(last)
    if "Steps" in pairs or {"Seed", "Sampler"} <= pairs.keys():
        text = before
    elif newline and _NEGATIVE in text:
        pairs = {}
    else:
        return None
    prompt, negative = _split_prompts(text)
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
    """``Key: value`` by key; a value is JSON text in quotes, or all up to the next comma."""
    pairs: dict[str, str] = {}
    at = 0
    while (colon := line.find(":", at)) >= 0:
        key = _key(line[at:colon])
        at = colon + 1
        if key:
            value, at = _value(line, at)
            pairs[key] = _unquote(value.strip())
    return pairs


def _key(text: str) -> str:
    """The key that a text before a colon ends with, or nothing."""
    backwards = _KEY.match(text[::-1])
    run = text[len(text) - backwards.end() :] if backwards else ""
    first = _WORD.search(run)
    return run[first.start() :].strip() if first else ""


def _value(line: str, at: int) -> tuple[str, int]:
    """The value that starts there, and where what follows it does."""
    space = _SPACE.match(line, at)
    at = space.end() if space else at
    quoted = _QUOTED.match(line, at)
    if quoted and line[quoted.end() : quoted.end() + 1] in ("", ","):
        return quoted[0], quoted.end() + 1
    comma = line.find(",", at)
    end = len(line) if comma < 0 else comma
    return line[at:end], end + 1


def _split_prompts(text: str) -> tuple[str, str]:
    """The last line that starts so begins the negative prompt, as in the web UI itself."""
    start = None
    for start in _NEGATIVE_LINE.finditer(text):  # noqa: B007 - the last one counts
        pass
    if start is None:
        return text.strip(), ""
    return text[: start.start()].strip(), text[start.end() :].strip()


def _sampler(pairs: dict[str, str]) -> str | None:
    sampler, schedule = pairs.get("Sampler"), pairs.get("Schedule type")
    if sampler and schedule and schedule != "Automatic":
        return f"{sampler} {schedule}"
    return sampler


def _loras(prompt: str, pairs: dict[str, str]) -> list[dict[str, Any]]:
    entries = (entry.partition(":") for entry in pairs.get("Lora hashes", "").split(","))
    hashes = {name.strip(): digest.strip() for name, colon, digest in entries if colon}
    found = dict(_weighted(text) for text in _LORA.findall(prompt))
    found.pop("", None)
    names = [*found, *(name for name in hashes if name not in found)]
    return [
        {"name": name, "weight": found.get(name), "content_hash": hashes.get(name)}
        for name in names
    ]


def _weighted(text: str) -> tuple[str, str]:
    """Name and weight of what stands in ``<lora:...>``; it has 1 where it has none."""
    name, _, rest = text.partition(":")
    weight = _WEIGHT.match(rest)
    return name, weight[0] if weight else "1"


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
