"""Recipes: everything that decides a generated image; plain data, no framework."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from vitrail.indexer.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

TASKS = ("text-to-image", "image-to-image", "inpaint", "style")
ROLES = ("init", "content", "style", "mask")
_SLUG_LENGTH = 48
_SHARES = ("strength", "style_strength", "content_strength", "query_kept")


@dataclass(frozen=True, slots=True)
class Lora:
    """Low-rank weights laid over a checkpoint.

    Attributes:
        name: the file's name without its folder.
        content_hash: sha256 (hex) of the file.
        weight: factor on its effect; 1 is as trained.
    """

    name: str
    content_hash: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class IPAdapter:
    """Weights by which the style image conditions the denoising.

    Attributes:
        name: the file's name without its folder.
        content_hash: sha256 (hex) of the file.
        encoder_hash: sha256 (hex) over its image encoder.
        scale: factor on its effect, 0 to 1.
    """

    name: str
    content_hash: str
    encoder_hash: str
    scale: float


@dataclass(frozen=True, slots=True)
class Parent:
    """An image that another was made from.

    Attributes:
        role: one of ``ROLES``.
        content_hash: sha256 (hex) of the image file's bytes, as in a collection.
        image_id: its id in the collection; never part of a recipe's identity.
    """

    role: str
    content_hash: str
    image_id: int | None = None


@dataclass(frozen=True, slots=True)
class MaskRecord:
    """What was repainted.

    Attributes:
        kind: ``image``, ``box`` or ``polygon``.
        shape: the box or polygon as the user wrote it; empty for an image.
        content_hash: sha256 (hex) of the mask's size and pixels, so equal masks hash equal
            however they were given.
        feather: pixels inside the mask's edge over which old and new blend.
    """

    kind: str
    shape: str
    content_hash: str
    feather: int = 0


@dataclass(frozen=True, slots=True)
class GuardRecord:
    """What a guard found of an image, and of those before it that it refused.

    Attributes:
        rate: the false-positive rate from which on an image is held to be a copy.
        against: SQL expression of the images that it was held against.
        score: of the image, by the measure that decides; ``None`` where a file could not be read
            that it was to be compared with, and no other shows that it is a copy.
        fpr: the share of innocent images that score as high; ``None`` likewise.
        copy_of: sha256 (hex) of the file of the image that it is held to copy; ``None`` for none.
        refused: seeds that were tried before, and whose images were refused.
    """

    rate: float
    against: str
    score: float | None = None
    fpr: float | None = None
    copy_of: str | None = None
    refused: tuple[int, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether the image was compared, and is not held to be a copy."""
        return self.score is not None and self.copy_of is None


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that made an image; the same recipe on the same machine gives the same bytes.

    Attributes:
        task: one of ``TASKS``.
        prompt: what to draw.
        checkpoint: name the user gave: Hub name, directory, file or ``embedded``.
        checkpoint_hash: sha256 (hex) over all files of the checkpoint that decide its images.
        scheduler: name in ``vitrail.generator.checkpoints.schedulers.SCHEDULERS``.
        steps: denoising steps of the whole schedule.
        guidance: weight of classifier-free guidance; 1 and below is none.
        width: of the image, in pixels.
        height: of the image, in pixels.
        seed: of all randomness, 0 to 2**63 - 1.
        negative_prompt: what not to draw.
        revision: commit of a Hub checkpoint.
        lora: low-rank weights, in order.
        strength: share of the schedule that an initial or masked image is noised to, 0 to 1.
        style_strength: how far latent statistics move to the style image's, 0 to 1.
        content_strength: ``strength`` of style transfer.
        style_method: ``attention``, or ``None`` for the statistics of latents alone.
        query_kept: how much of its own the content keeps in what it asks the style for, 0 to 1;
            only of that method.
        mask: what was repainted.
        parents: images it was made from.
        versions: libraries, device and precision that it was made with. Not part of the identity:
            an upgrade must not make every image again, and ``reproduce`` names the differences.
        guard: what a guard found, where one was set; not part of the identity either, as it decides
            whether an image is kept and not how it looks.
    """

    task: str
    prompt: str
    checkpoint: str
    checkpoint_hash: str
    scheduler: str
    steps: int
    guidance: float
    width: int
    height: int
    seed: int
    negative_prompt: str = ""
    revision: str | None = None
    lora: tuple[Lora, ...] = ()
    ip_adapter: IPAdapter | None = None
    strength: float | None = None
    style_strength: float | None = None
    content_strength: float | None = None
    style_method: str | None = None
    query_kept: float | None = None
    mask: MaskRecord | None = None
    parents: tuple[Parent, ...] = ()
    versions: dict[str, str] = field(default_factory=dict, hash=False)
    guard: GuardRecord | None = None

    def __post_init__(self) -> None:
        # 7 and 7.0 are one guidance, and must be one recipe.
        for name in ("guidance", *_SHARES):
            value = getattr(self, name)
            if isinstance(value, int) and not isinstance(value, bool):
                object.__setattr__(self, name, float(value))

    @property
    def identity(self) -> str:
        """Sha256 (hex) over what decides the image: no names, image ids, versions or guard."""
        data = asdict(self)
        # A checkpoint or LoRA is the same under another name; its hash says which it is.
        for name in ("versions", "guard", "checkpoint", "revision"):
            del data[name]
        for lora in data["lora"]:
            del lora["name"]
        if data["ip_adapter"]:
            del data["ip_adapter"]["name"]
        # Recipes keep the identity that they had before there were any of these.
        for name in ("ip_adapter", "style_method", "query_kept"):
            if data[name] is None:
                del data[name]
        for parent in data["parents"]:
            del parent["image_id"]
        if data["mask"]:
            data["mask"] = [data["mask"]["content_hash"], data["mask"]["feather"]]
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()

    @property
    def file_name(self) -> str:
        """Name of its PNG file: prompt, seed and the start of the identity."""
        return f"{_slug(self.prompt)}-{self.seed}-{self.identity[:12]}.png"

    def parent(self, role: str) -> Parent | None:
        """The parent of that role, if there is one."""
        return next((parent for parent in self.parents if parent.role == role), None)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, without what is empty."""
        data = asdict(self)
        for name in ("lora", "parents"):
            data[name] = list(data[name])
        if self.guard is not None:
            found = {**data["guard"], "refused": list(self.guard.refused)}
            data["guard"] = {name: v for name, v in found.items() if v not in (None, [])}
        return {k: v for k, v in data.items() if v not in (None, [], {}) or k in _REQUIRED}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Recipe:
        """Read what ``to_dict`` gave; fields that this version does not know are left out.

        Raises:
            InputError: a field is missing or of the wrong type.
        """
        try:
            known = {f.name: data[f.name] for f in fields(cls) if f.name in data}
            known["lora"] = tuple(_build(Lora, item) for item in data.get("lora", ()))
            known["parents"] = tuple(_build(Parent, item) for item in data.get("parents", ()))
            if data.get("ip_adapter") is not None:
                known["ip_adapter"] = _build(IPAdapter, data["ip_adapter"])
            if data.get("mask") is not None:
                known["mask"] = _build(MaskRecord, data["mask"])
            if data.get("guard") is not None:
                guard = _build(GuardRecord, data["guard"])
                known["guard"] = replace(guard, refused=tuple(guard.refused))
            known["versions"] = {str(k): str(v) for k, v in data.get("versions", {}).items()}
            recipe = cls(**known)
            _check_types(recipe)
        except (TypeError, AttributeError, KeyError) as error:
            raise InputError(
                f"this is no recipe ({error}): give what `Recipe.to_dict` wrote"
            ) from error
        return recipe


_REQUIRED = {f.name for f in fields(Recipe)[:10]}
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("task", "prompt", "checkpoint", "checkpoint_hash", "scheduler"), (str,)),
    **dict.fromkeys(("steps", "width", "height", "seed"), (int,)),
    "negative_prompt": (str,),
    "revision": (str, type(None)),
    "guidance": (int, float),
    "style_method": (str, type(None)),
    **dict.fromkeys(_SHARES, (int, float, type(None))),
}


def _build(kind: Any, data: Any) -> Any:
    return kind(**{f.name: data[f.name] for f in fields(kind) if f.name in data})


def _check_types(recipe: Recipe) -> None:
    for name, types in _TYPES.items():
        value = getattr(recipe, name)
        if isinstance(value, bool) or not isinstance(value, types):
            raise TypeError(f"{name} is {type(value).__name__}")


def _slug(prompt: str) -> str:
    """Letters and digits of the prompt joined by hyphens, safe as a file name anywhere."""
    plain = unicodedata.normalize("NFKD", prompt).encode("ascii", "ignore").decode().lower()
    words = "-".join(re.findall(r"[a-z0-9]+", plain))
    return words[:_SLUG_LENGTH].rstrip("-") or "image"


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """An image and what made it.

    Attributes:
        image: RGB.
        recipe: complete, with versions.
        nsfw: the safety checker's verdict, whose yes blackens the image; ``None`` without one.
        seconds: wall time of its making.
        notes: one line each on what the user should know, such as an overlong prompt.
    """

    image: Image.Image
    recipe: Recipe
    nsfw: bool | None
    seconds: float
    notes: tuple[str, ...] = ()
