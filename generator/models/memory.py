"""Running out of memory: once more with less of it, then a clear error."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.indexer.errors import GenerationError
from vitrail.indexer.memory import is_out_of_memory

T = TypeVar("T")


def with_less_memory(model: DiffusionModel, size: tuple[int, int], call: Callable[[], T]) -> T:
    """Run ``call``; out of memory, once more with attention in slices and the image in tiles.

    Args:
        model: whose pipelines ``call`` runs.
        size: width and height, for the message.
        call: what to run.

    Raises:
        GenerationError: out of memory again.
    """
    try:
        return call()
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error) or not model.save_memory():
            if is_out_of_memory(error):
                raise _too_large(model, size) from error
            raise
    _release(model.device)
    try:
        return call()
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise _too_large(model, size) from error
        raise


def _release(device: str) -> None:
    if device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()


def _too_large(model: DiffusionModel, size: tuple[int, int]) -> GenerationError:
    step = model.info.multiple
    half = "x".join(str(max(step, side // 2 // step * step)) for side in size)
    return GenerationError(
        f"out of memory on {model.device} for {size[0]}x{size[1]}, even with sliced attention and "
        f"tiled decoding: try {half}, close other programs, or use --device cpu"
    )
