"""Generated images as PNG bytes: deterministic, with their recipe for us and for other tools."""

from __future__ import annotations

import io
import json
from typing import NamedTuple

from PIL import Image, PngImagePlugin

from vitrail.indexer.errors import InputError
from vitrail.indexer.recipes.json_text import read_object
from vitrail.indexer.recipes.parameters import write_parameters
from vitrail.indexer.recipes.recipe import GeneratedImage, Recipe

KEYWORD = "vitrail"
_FORMAT = 1
# Pillow refuses a text chunk above 1 MiB when reading.
_MAX_TEXT = 1 << 20


class Inscription(NamedTuple):
    """What our chunk of a PNG says.

    Attributes:
        recipe: what made the image.
        nsfw: the safety checker's verdict, or ``None``.
    """

    recipe: Recipe
    nsfw: bool | None


def encode_png(generated: GeneratedImage) -> bytes:
    """PNG bytes; the same image, recipe and verdict always give the same ones.

    Raises:
        InputError: the recipe is too long to be read back.
    """
    content = {"format": _FORMAT, "recipe": generated.recipe.to_dict(), "nsfw": generated.nsfw}
    # Pure ASCII, so that any string survives, lone surrogates included.
    inscription = json.dumps(content, sort_keys=True, separators=(",", ":"))
    parameters = write_parameters(generated.recipe)
    if max(len(inscription), len(parameters)) > _MAX_TEXT // 4:
        raise InputError(
            f"the recipe is {len(inscription):,} characters long, and a PNG keeps no more than "
            f"{_MAX_TEXT // 4:,}: shorten the prompt"
        )
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", _writable(parameters))
    info.add_itxt(KEYWORD, inscription)
    buffer = io.BytesIO()
    generated.image.save(buffer, "PNG", pnginfo=info, compress_level=6, optimize=False)
    return buffer.getvalue()


def read_inscription(text: str) -> Inscription | None:
    """Our chunk's text read; ``None`` if it is not ours or damaged."""
    try:
        content = read_object(text) or {}
        nsfw = content.get("nsfw")
        recipe = Recipe.from_dict(content["recipe"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InputError):
        return None
    return Inscription(recipe, nsfw if isinstance(nsfw, bool) else None)


def read_png(data: bytes) -> tuple[Image.Image, Inscription]:
    """Image (RGB) and inscription of one of our PNG files.

    Raises:
        InputError: it is no PNG of ours, or damaged.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            image.load()
            text = str(getattr(image, "text", {}).get(KEYWORD, ""))
            decoded = image.convert("RGB")
    except Exception as error:  # a damaged PNG makes Pillow raise many kinds
        raise InputError(f"this is no readable PNG ({error}): generate it again") from error
    inscription = read_inscription(text)
    if inscription is None:
        raise InputError("this PNG holds no recipe of vitrail: give one that vitrail generated")
    return decoded, inscription


def _writable(text: str) -> str:
    """Without what PNG text cannot hold: NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
