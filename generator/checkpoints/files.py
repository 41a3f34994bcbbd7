"""Stable Diffusion checkpoints on disk: found, checked and hashed without loading any of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vitrail.generator.checkpoints import embedded
from vitrail.generator.checkpoints.component_files import WANTED, check_components
from vitrail.generator.checkpoints.single_files import configuration_of
from vitrail.indexer.encoders.hub import snapshot
from vitrail.indexer.encoders.weights import PICKLES, SUFFIX, read_object, tensor_shapes
from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.files.cache import file_sha256
from vitrail.indexer.paths import at_home
from vitrail.indexer.wording import in_one_line

FAMILIES = {
    "StableDiffusionPipeline": "sd",
    "StableDiffusionImg2ImgPipeline": "sd",
    "StableDiffusionInpaintPipeline": "sd",
    "StableDiffusionXLPipeline": "xl",
    "StableDiffusionXLImg2ImgPipeline": "xl",
    "StableDiffusionXLInpaintPipeline": "xl",
    "LatentConsistencyModelPipeline": "lcm",
    "LatentConsistencyModelImg2ImgPipeline": "lcm",
}
"""Pipeline classes of diffusers that are supported, and their family."""

_SMALL = 256  # native side under which a model knows no other size
_HASHED = (SUFFIX, ".json", ".txt")
_SKIPPED = ("README.md", "defaults.json", "scope.json", "vitrail.json")
# recipes name a checkpoint's own IP-Adapter by a hash of its own; the others tell of a training
_APART = ("ip_adapter/", "training/", "lora/", "webui/")


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """A checkpoint that has been looked at, but not loaded.

    Attributes:
        name: what the user wrote.
        path: directory in diffusers' layout, or one safetensors file.
        revision: commit of a Hub checkpoint.
        content_hash: sha256 (hex): of the single file; of a directory over the hashes of all its
            weights, configurations and vocabularies.
        family: ``sd``, ``xl`` or ``lcm``.
        in_channels: of the U-Net; nine where it is made for inpainting.
        latent_channels: of the autoencoder.
        native: side in pixels of the images it was trained on.
        multiple: widths and heights are multiples of it.
        scheduler: its own, by the name in ``vitrail.generator.checkpoints.schedulers.SCHEDULERS``,
            or a class name.
        steps: default of denoising steps.
        guidance: default weight of classifier-free guidance.
        largest: longest side in pixels that it can draw; ``None`` where only memory limits it.
        from_pure_noise: its schedule ends in noise without any signal.
    """

    name: str
    path: Path
    revision: str | None
    content_hash: str
    family: str
    in_channels: int
    latent_channels: int
    native: int
    multiple: int
    scheduler: str
    steps: int = 25
    guidance: float = 7.5
    largest: int | None = None
    from_pure_noise: bool = False

    @property
    def inpaints(self) -> bool:
        """Whether the U-Net takes the mask and the masked image as inputs of their own."""
        return self.in_channels == 2 * self.latent_channels + 1

    @property
    def small(self) -> bool:
        """Whether it was trained on images so small that it knows no other size."""
        return self.native < _SMALL

    @property
    def working_area(self) -> int:
        """Pixels above which a given image is scaled down before work."""
        side = self.native if self.native < _SMALL else self.native * 3 // 2
        return side * side


def find_checkpoint(name: str = embedded.ALIAS, *, revision: str | None = None) -> CheckpointInfo:
    """Resolve ``embedded``, a directory, a safetensors file or a Hub name; loads no framework.

    Args:
        name: which checkpoint.
        revision: branch, tag or commit of a Hub name.

    Raises:
        CheckpointError: not found, no Stable Diffusion checkpoint, or holding pickles only.
    """
    if name in (embedded.ALIAS, embedded.NAME):
        return _describe_directory(embedded.NAME, embedded.embedded_path())
    path = at_home(name)
    if path.is_dir():
        return _describe_directory(name, path)
    if path.is_file():
        return _describe_file(name, path)
    if name.count("/") != 1 or name[0] in "./~" or name.endswith((".safetensors", *PICKLES)):
        raise CheckpointError(
            f"{name!r} is no directory or file here and no Hub name (org/name): give one of these, "
            f"or {embedded.ALIAS!r} for the embedded model"
        )
    folder = snapshot(name, revision, WANTED)
    return replace(_describe_directory(name, folder), revision=folder.name)


def _describe_directory(name: str, path: Path) -> CheckpointInfo:
    info = _describe_configuration(name, path)
    check_components(path, _read_json(path / "model_index.json", name), name)
    return replace(info, content_hash=_directory_hash(path))


def _describe_configuration(name: str, path: Path) -> CheckpointInfo:
    """What a directory's configuration tells; the hash is left empty."""
    try:
        return _configured(name, path)
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        line = in_one_line(error, 120)
        raise CheckpointError(
            f"{name!r} has a configuration that cannot be used ({line}): download it again"
        ) from error


def _configured(name: str, path: Path) -> CheckpointInfo:
    index = _read_json(path / "model_index.json", name)
    kind = index.get("_class_name")
    if not isinstance(kind, str) or kind not in FAMILIES:
        raise CheckpointError(
            f"{name!r} is a {kind or 'model of unknown kind'}, which is not supported: give a "
            f"checkpoint of Stable Diffusion 1, 2, XL, Turbo or LCM"
        )
    unet = _read_json(path / "unet" / "config.json", name)
    vae = _read_json(path / "vae" / "config.json", name)
    scheduler = _read_json(path / "scheduler" / "scheduler_config.json", name)
    factor = 2 ** (len(vae.get("block_out_channels", (0, 0, 0, 0))) - 1)
    info = CheckpointInfo(
        name=name,
        path=path,
        revision=None,
        content_hash="",
        family=FAMILIES[kind],
        in_channels=int(unet.get("in_channels", 4)),
        latent_channels=int(vae.get("latent_channels", 4)),
        native=_side(unet.get("sample_size", 64)) * factor,
        multiple=max(8, factor),
        scheduler=_scheduler_name(str(scheduler.get("_class_name", "DDIMScheduler"))),
        from_pure_noise=scheduler.get("beta_schedule") == "squaredcos_cap_v2"
        or bool(scheduler.get("rescale_betas_zero_snr")),
    )
    return _with_defaults(info, path, scheduler)


def _with_defaults(info: CheckpointInfo, path: Path, scheduler: dict[str, Any]) -> CheckpointInfo:
    """Steps, guidance and largest size: by family, then by the checkpoint's own defaults.json."""
    largest = 2 * info.native if info.native < _SMALL else None
    if info.native < _SMALL:
        info = replace(info, guidance=4.0)
    if info.family == "lcm":
        info = replace(info, steps=4, guidance=8.5)
    elif info.family == "xl" and _is_turbo(scheduler):
        info = replace(info, steps=4, guidance=0.0)
    elif info.family == "xl":
        info = replace(info, guidance=5.0)
    own = path / "defaults.json"
    chosen = _read_json(own, info.name) if own.is_file() else {}
    return replace(
        info,
        steps=int(chosen.get("steps", info.steps)),
        guidance=float(chosen.get("guidance", info.guidance)),
        largest=chosen.get("largest", largest),
    )


def _is_turbo(scheduler: dict[str, Any]) -> bool:
    """Distilled models are told by their schedule, which ends at the last training step."""
    return scheduler.get("timestep_spacing") == "trailing"


def _directory_hash(path: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(f for f in path.rglob("*") if f.suffix in _HASHED and f.is_file()):
        relative = file.relative_to(path).as_posix()
        if relative not in _SKIPPED and not relative.startswith((".", *_APART)):
            digest.update(f"{relative}\0{file_sha256(file)}\n".encode())
    return digest.hexdigest()


def _read_json(path: Path, name: str) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError(
            f"{name!r} is no diffusion checkpoint: it has no {path.name}; give "
            f"a directory in diffusers' layout (with model_index.json) or one safetensors file"
        )
    return read_object(path)


def _side(size: Any) -> int:
    return int(max(size)) if isinstance(size, list | tuple) else int(size)


def _scheduler_name(kind: str) -> str:
    from vitrail.generator.checkpoints.schedulers import name_of

    return name_of(kind)


def _describe_file(name: str, path: Path) -> CheckpointInfo:
    if path.suffix in PICKLES:
        raise CheckpointError(
            f"{name!r} is a pickle, which can run code and is refused: get the safetensors file of "
            f"that checkpoint"
        )
    shapes = tensor_shapes(path, repr(name))
    first = shapes.get("model.diffusion_model.input_blocks.0.0.weight")
    if first is None or not any(key.startswith("first_stage_model.") for key in shapes):
        raise CheckpointError(
            f"{name!r} is no Stable Diffusion checkpoint: it lacks the U-Net or the autoencoder; "
            f"give a full checkpoint, and LoRA files by --lora"
        )
    described = _describe_single(name, path, shapes)
    return replace(described, path=path, content_hash=file_sha256(path), in_channels=first[1])


def _describe_single(name: str, path: Path, shapes: dict[str, list[int]]) -> CheckpointInfo:
    """By the configuration beside the file, or else as most of its family are."""
    config = configuration_of(path)
    if config is not None:
        return _describe_configuration(name, config)
    xl = any(key.startswith("conditioner.embedders.") for key in shapes)
    return CheckpointInfo(
        name=name,
        path=path,
        revision=None,
        content_hash="",
        family="xl" if xl else "sd",
        in_channels=4,
        latent_channels=4,
        native=1024 if xl else 512,
        multiple=8,
        scheduler="pndm" if not xl else "euler",
        guidance=5.0 if xl else 7.5,
    )
