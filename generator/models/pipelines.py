"""Diffusion models: a checkpoint loaded once by diffusers and shared by every task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vitrail.generator.adapters.loras import LoraFile
from vitrail.generator.checkpoints import embedded
from vitrail.generator.checkpoints.files import CheckpointInfo, find_checkpoint
from vitrail.generator.checkpoints.schedulers import build_scheduler
from vitrail.generator.checkpoints.single_files import find_configuration
from vitrail.generator.models.libraries import library_versions, quiet, threads, turn
from vitrail.indexer.encoders.libraries import LOADING
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
_cache: dict[tuple[Any, ...], DiffusionModel] = {}


class DiffusionModel:
    """A loaded checkpoint, which any number of threads may draw with.

    One generation runs at a time in a process, of whichever model, and others wait: a pipeline
    keeps the state of its run, and the libraries their settings for the whole process. So each
    image is the one that its recipe gives alone.

    Attributes:
        info: the checkpoint.
        loras: low-rank weights laid over it.
        device: ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``fp32``, ``fp16`` or ``bf16``.
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
        self._base = base
        self._pipelines: dict[str, Any] = {_base_kind(info): base}
        self._schedule = base.scheduler.config
        self._saves_memory = False

    def pipeline(self, kind: str, scheduler: str) -> Any:
        """The pipeline of a kind (``text``, ``image``, ``inpaint``) with a fresh sampler.

        All kinds share one set of weights, and each has one sampler at a time: see ``drawing``.
        """
        if kind not in self._pipelines:
            self._pipelines[kind] = self._share(kind)
        pipeline = self._pipelines[kind]
        with quiet():
            pipeline.scheduler = build_scheduler(scheduler, self._schedule)
        return pipeline

    def _share(self, kind: str) -> Any:
        """Another kind of pipeline over the same weights."""
        with LOADING, quiet():
            import diffusers

            wanted = getattr(diffusers, _CLASSES[self.info.family][kind])
            made = wanted.from_pipe(self._base, dtype=self._base.dtype)
        made.set_progress_bar_config(disable=True)
        return made

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Have the model to oneself, and the libraries quiet.

        A small model draws on one thread. Its matrices gain little from more; on a busy machine
        threads that wait for one another take ten times as long, and what is drawn would depend on
        how many there are.
        """
        with (
            turn(),
            quiet(),
            threads(1 if self.info.small and self.device == "cpu" else None),
        ):
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
        machine = {"device": self.device.partition(":")[0], "precision": self.precision}
        return library_versions() | machine | ({"memory": "saved"} if self._saves_memory else {})


def load_model(
    checkpoint: str | CheckpointInfo = embedded.ALIAS,
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
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``; automatic is fp32 on a CPU, and half
            elsewhere.

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
    with LOADING:
        device, precision = _choose(device, precision)
        key = (str(info.path), info.content_hash, tuple(loras), device, precision)
        if key not in _cache:
            _cache.clear()  # two checkpoints seldom fit in memory
            with quiet():
                _cache[key] = _load(info, loras, device, precision)
        return _cache[key]


def load_pipeline(info: CheckpointInfo) -> Any:
    """A checkpoint's own pipeline in float32 on the CPU, for who changes its weights.

    Raises:
        CheckpointError: damaged, or diffusers is not installed.
    """
    _require_diffusers()
    with LOADING, quiet(), _told_errors(info):
        base = _load_base(info, "fp32")
        base.set_progress_bar_config(disable=True)
    return base


def _load(
    info: CheckpointInfo, loras: Sequence[LoraFile], device: str, precision: str
) -> DiffusionModel:
    with _told_errors(info):
        base = _load_base(info, precision)
        _check_names(loras)
        for lora in loras:
            _add_lora(base, lora, info)
        if loras:
            base.set_adapters([x.adapter for x in loras], [x.weight for x in loras])
        base.to(device)
    base.set_progress_bar_config(disable=True)
    return DiffusionModel(info, base, loras, device, precision)


@contextmanager
def _told_errors(info: CheckpointInfo) -> Iterator[None]:
    try:
        yield
    except VitrailError:
        raise
    except (MemoryError, RuntimeError) as error:
        raise CheckpointError(f"{info.name!r} cannot be loaded: {first_line(error)}") from error
    except Exception as error:  # a damaged checkpoint makes the libraries raise many kinds
        raise CheckpointError(
            f"{info.name!r} is damaged or incomplete: {first_line(error)}; download it again"
        ) from error


def _load_base(info: CheckpointInfo, precision: str) -> Any:
    import diffusers

    from vitrail.indexer.encoders.devices import PRECISIONS

    dtype = PRECISIONS[precision]
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
    from vitrail.indexer.encoders.devices import choose_device, choose_precision

    chosen = choose_device(device)
    if precision == "auto" and chosen.type == "cpu":
        return str(chosen), "fp32"  # what is drawn is not to depend on what a processor has
    return str(chosen), choose_precision(precision, chosen)


def _require_diffusers() -> None:
    try:
        version("diffusers")
    except PackageNotFoundError:
        raise CheckpointError(
            "generating needs diffusers, which is not installed: pip install 'vitrail[generator]'"
        ) from None
