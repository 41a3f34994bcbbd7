"""Diffusion models: a checkpoint loaded once by diffusers and shared by every task."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vitrail.generator.adapters.loras import LoraFile
from vitrail.generator.checkpoints.files import EMBEDDED, CheckpointInfo, find_checkpoint
from vitrail.generator.checkpoints.schedulers import build_scheduler
from vitrail.generator.checkpoints.single_files import find_configuration
from vitrail.indexer.errors import CheckpointError, InputError, VitrailError
from vitrail.indexer.wording import first_line

_CLASSES = {
    "sd": {
        "text": "StableDiffusionPipeline",
        "image": "StableDiffusionImg2ImgPipeline",
        "inpaint": "StableDiffusionInpaintPipeline",
    },
    "xl": {
        "text": "StableDiffusionXLPipeline",
        "image": "StableDiffusionXLImg2ImgPipeline",
        "inpaint": "StableDiffusionXLInpaintPipeline",
    },
    "lcm": {
        "text": "LatentConsistencyModelPipeline",
        "image": "LatentConsistencyModelImg2ImgPipeline",
        "inpaint": "StableDiffusionInpaintPipeline",
    },
}
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "fp16", "bf16")
_LIBRARIES = ("vitrail", "diffusers", "torch", "transformers", "pillow")
_cache: dict[tuple[Any, ...], DiffusionModel] = {}
_cache_lock = threading.Lock()


class DiffusionModel:
    """A loaded checkpoint; one generation at a time, from any thread.

    Attributes:
        info: the checkpoint.
        loras: low-rank weights laid over it.
        device: ``cpu``, ``cuda`` or ``mps``.
        precision: ``fp32``, ``fp16`` or ``bf16``.
        lock: held during a generation, since a pipeline keeps the state of its run.
    """

    def __init__(
        self,
        info: CheckpointInfo,
        base: Any,
        loras: Sequence[LoraFile],
        device: str,
        precision: str,
    ) -> None:
        self.info = info
        self.loras = tuple(loras)
        self.device = device
        self.precision = precision
        self.lock = threading.RLock()
        self._base = base
        self._pipelines: dict[str, Any] = {_base_kind(info): base}
        self._schedule = base.scheduler.config
        self._saves_memory = False

    def pipeline(self, kind: str, scheduler: str) -> Any:
        """The pipeline of a kind (``text``, ``image``, ``inpaint``) with a fresh sampler.

        All kinds share one set of weights.
        """
        import diffusers

        if kind not in self._pipelines:
            wanted = getattr(diffusers, _CLASSES[self.info.family][kind])
            with quiet():
                made = wanted.from_pipe(self._base, dtype=self._base.dtype)
            made.set_progress_bar_config(disable=True)
            self._pipelines[kind] = made
        pipeline = self._pipelines[kind]
        with quiet():
            pipeline.scheduler = build_scheduler(scheduler, self._schedule)
        return pipeline

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Have the model to oneself, and the libraries quiet.

        A small model draws on one thread. Its matrices gain little from more; on a busy machine
        threads that wait for one another take ten times as long, and what is drawn would depend on
        how many there are.
        """
        with self.lock, quiet(), _threads(1 if self.info.small and self.device == "cpu" else None):
            yield

    def save_memory(self) -> bool:
        """Slice attention and tile the autoencoder; ``False`` if that is done already."""
        if self._saves_memory:
            return False
        self._base.enable_attention_slicing("max")
        self._base.vae.enable_slicing()
        self._base.vae.enable_tiling()
        self._saves_memory = True
        return True

    @property
    def versions(self) -> dict[str, str]:
        """What a recipe records about the machine: libraries, device, precision."""
        machine = {"device": self.device, "precision": self.precision}
        return library_versions() | machine | ({"memory": "saved"} if self._saves_memory else {})


def library_versions() -> dict[str, str]:
    """Installed versions of what decides the bytes of an image, without importing any of it."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a source tree
            found[name] = "unknown"
    return found


def load_model(
    checkpoint: str | CheckpointInfo = EMBEDDED,
    *,
    revision: str | None = None,
    loras: Sequence[LoraFile] = (),
    device: str = "auto",
    precision: str = "auto",
) -> DiffusionModel:
    """Load a checkpoint, or return the model that is loaded already; the last one is kept.

    Args:
        checkpoint: ``embedded``, directory, safetensors file, Hub name, or what
            ``find_checkpoint`` gave.
        revision: branch, tag or commit of a Hub name.
        loras: low-rank weights to lay over it, in order.
        device: one of ``DEVICES``.
        precision: one of ``PRECISIONS``; automatic is fp32 on a CPU, half elsewhere.

    Raises:
        CheckpointError: not found, refused, damaged, or diffusers is not installed.
        InputError: an unknown device or precision.
    """
    info = (
        find_checkpoint(checkpoint, revision=revision)
        if isinstance(checkpoint, str)
        else checkpoint
    )
    _require_diffusers()
    device, precision = _choose(device, precision)
    key = (str(info.path), info.content_hash, tuple(loras), device, precision)
    with _cache_lock:
        if key not in _cache:
            _cache.clear()  # two checkpoints seldom fit in memory
            with quiet():
                _cache[key] = _load(info, loras, device, precision)
        return _cache[key]


def _load(
    info: CheckpointInfo, loras: Sequence[LoraFile], device: str, precision: str
) -> DiffusionModel:
    try:
        base = _load_base(info, precision)
        _check_names(loras)
        for lora in loras:
            _add_lora(base, lora, info)
        if loras:
            base.set_adapters([x.adapter for x in loras], [x.weight for x in loras])
        base.to(device)
    except VitrailError:
        raise
    except (MemoryError, RuntimeError) as error:
        raise CheckpointError(f"{info.name!r} cannot be loaded: {first_line(error)}") from error
    except Exception as error:  # a damaged checkpoint makes the libraries raise many kinds
        raise CheckpointError(
            f"{info.name!r} is damaged or incomplete: {first_line(error)}; download it again"
        ) from error
    base.set_progress_bar_config(disable=True)
    return DiffusionModel(info, base, loras, device, precision)


def _load_base(info: CheckpointInfo, precision: str) -> Any:
    import diffusers
    import torch

    dtype = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[precision]
    kind = getattr(diffusers, _CLASSES[info.family][_base_kind(info)])
    if info.path.is_file():
        return _load_single_file(kind, info, dtype)
    halves = list((info.path / "unet").glob("*.fp16.safetensors"))
    only_halves = halves and len(halves) == len(list((info.path / "unet").glob("*.safetensors")))
    return kind.from_pretrained(
        str(info.path),
        dtype=dtype,
        use_safetensors=True,
        local_files_only=True,
        variant="fp16" if only_halves else None,
    )


def _load_single_file(kind: Any, info: CheckpointInfo, dtype: Any) -> Any:
    """One file holds weights only: its configuration lies beside it, or in the Hub's cache.

    The folder is given, never a name: diffusers would go to the Hub for one that is not cached,
    even where only local files are asked for.
    """
    config = find_configuration(info.path, info.name)
    return kind.from_single_file(
        str(info.path), dtype=dtype, config=str(config), local_files_only=True
    )


def _check_names(loras: Sequence[LoraFile]) -> None:
    names = [x.adapter for x in loras]
    if len(set(names)) < len(names):
        raise InputError("the same LoRA is given twice: give it once, with the sum of the weights")


def _add_lora(base: Any, lora: LoraFile, info: CheckpointInfo) -> None:
    path = Path(lora.path)
    try:
        base.load_lora_weights(
            str(path.parent),
            weight_name=path.name,
            adapter_name=lora.adapter,
            use_safetensors=True,
            local_files_only=True,
        )
    except Exception as error:
        raise CheckpointError(
            f"LoRA {lora.path!r} does not fit checkpoint {info.name!r} ({first_line(error)}): "
            f"give one that was trained for it"
        ) from error
    if lora.adapter not in {name for names in base.get_list_adapters().values() for name in names}:
        raise CheckpointError(
            f"LoRA {lora.path!r} changes nothing in checkpoint {info.name!r}: give one that was "
            f"trained for it"
        )


def _base_kind(info: CheckpointInfo) -> str:
    return "inpaint" if info.inpaints else "text"


def _choose(device: str, precision: str) -> tuple[str, str]:
    import torch

    if device not in DEVICES or precision not in PRECISIONS:
        raise InputError(
            f"device {device!r} with precision {precision!r}: use a device of "
            f"{', '.join(DEVICES)} and a precision of {', '.join(PRECISIONS)}"
        )
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if device == "auto":
        device = next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there[device]:
        raise InputError(f"device {device!r} is not available here: use --device auto or cpu")
    if precision == "auto":
        half = "bf16" if device == "cuda" and torch.cuda.is_bf16_supported() else "fp16"
        precision = "fp32" if device == "cpu" else half
    return device, precision


def _require_diffusers() -> None:
    try:
        version("diffusers")
    except PackageNotFoundError:
        raise CheckpointError(
            "generating needs diffusers, which is not installed: pip install 'vitrail[generator]'"
        ) from None


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' progress bars, notices and deprecations from the user's terminal."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    for library in (diffusers_logging, transformers_logging):
        library.set_verbosity(logging.CRITICAL)  # what is logged as an error is raised as well
        library.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
