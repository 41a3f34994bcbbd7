"""An encoder that is too large for one device, spread over several: accelerate's ``device_map``."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from vitrail.indexer.encoders.tower import Tower
from vitrail.indexer.errors import InputError

INSTALL = "pip install 'vitrail[train]'"
_DISK = "disk"


def spread(
    tower: Tower,
    main: torch.device,
    memory: Mapping[int | str, int] | None = None,
    folder: Path | None = None,
) -> tuple[str, ...]:
    """Put a tower's blocks where there is room, each whole, and let tokens follow them.

    CUDA devices get shares that are as even as can be. What they have no room for lies in the
    computer's memory, and what that has none for in files; whenever it is its turn, it goes to the
    main device, which takes longer than all that is computed. What is no block lies on that.

    Args:
        tower: on the CPU, in the precision that it runs in.
        main: where pixels go.
        memory: bytes that may be taken, by number of the CUDA device or ``cpu``; ``None`` is what
            is free.
        folder: for files; ``None`` for none.

    Returns:
        Where it lies: numbers of devices, ``cpu`` and ``disk``.

    Raises:
        InputError: accelerate is not installed, or there is not room enough.
    """
    try:
        from accelerate import dispatch_model
    except ImportError as error:
        raise InputError(
            f"device 'spread' needs accelerate, which is not installed: {INSTALL}"
        ) from error
    # accelerate knows devices by these, and takes torch's own for others
    first: int | str = main.index if main.type == "cuda" else main.type
    places = _places(tower, first, memory)
    if _DISK in places.values() and folder is None:
        raise InputError(
            f"the encoder takes {_size(tower) / 1e9:.1f} GB, for which devices and memory have no "
            "room together: use --precision bf16, or an encoder of fewer parameters"
        )
    # it warns of what lies elsewhere, which is what was asked for, and of tensors beside modules
    logging.getLogger("accelerate").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dispatch_model(tower, places, main_device=first, offload_dir=folder, force_hooks=True)
    return tuple(dict.fromkeys(map(str, places.values())))


def _places(
    tower: Tower, first: int | str, memory: Mapping[int | str, int] | None
) -> dict[str, int | str]:
    """Where each part of a tower is to lie."""
    from accelerate import infer_auto_device_map
    from accelerate.utils import get_balanced_memory

    whole = sorted({type(block).__name__ for block in tower.blocks})
    if memory is None:
        memory = get_balanced_memory(tower, no_split_module_classes=whole)
    rest = _size(tower) - _size(tower.blocks)
    room = dict(memory) | {first: max(0, memory.get(first, 0) - rest)}
    found = infer_auto_device_map(tower.blocks, max_memory=room, no_split_module_classes=whole)
    others = [name for name, _ in tower.named_children() if name != "blocks"]
    others += [name for name, _ in tower.named_buffers(recurse=False)]
    blocks = {".".join(filter(None, ("blocks", name))): place for name, place in found.items()}
    return dict.fromkeys(others, first) | blocks


def _size(module: nn.Module) -> int:
    """Bytes of parameters and buffers."""
    tensors = [*module.parameters(), *module.buffers()]
    return sum(one.numel() * one.element_size() for one in tensors)
