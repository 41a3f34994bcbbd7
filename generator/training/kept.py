"""Weights that a run keeps on its way, so that they can be compared when it is done."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vitrail.indexer.encoders.weights import SUFFIX, tensor_shapes
from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.files.durability import (
    TEMPORARY,
    checksum,
    disk_guard,
    make_directory,
    rename,
    sync_file,
)

FOLDER = "kept"
_NAME = re.compile(rf"step-(\d{{8}})-([0-9a-f]{{16}}){re.escape(SUFFIX)}")


class KeptWeights(NamedTuple):
    """Weights after a step.

    Attributes:
        step: that they follow.
        digest: 16 hex digits of the file's checksum, which its name holds.
        path: of the file.
    """

    step: int
    digest: str
    path: str


def keep_weights(inner: str, step: int, weights: Mapping[str, Tensor]) -> str:
    """Write what has learned, whole or not at all, in place of what was kept of that step.

    Args:
        inner: the folder of what is about the run.
        step: that the weights follow.
        weights: (n, ...) each, by part and name; see ``GeneratorTrainee.trained``.

    Returns:
        the file's path.

    Raises:
        CollectionError: the disk is full.
    """
    from safetensors.torch import save_file

    folder = os.path.join(inner, FOLDER)
    temporary = os.path.join(folder, f"step-{step:08d}{TEMPORARY}")
    held = {name: one.detach().cpu().contiguous() for name, one in weights.items()}
    needed = sum(one.numel() * one.element_size() for one in held.values())
    with disk_guard(folder, 0):
        make_directory(folder)
    with disk_guard(folder, needed):
        try:
            save_file(held, temporary)
            sync_file(temporary)
            path = os.path.join(folder, f"step-{step:08d}-{checksum(temporary)[:16]}{SUFFIX}")
            rename(temporary, path)
        finally:
            with suppress(OSError):
                os.unlink(temporary)
        for old in list_kept(inner):  # where a step was done again and came out otherwise
            if old.step == step and old.path != path:
                os.unlink(old.path)
    return path


def list_kept(inner: str) -> tuple[KeptWeights, ...]:
    """The weights that a run kept, by step.

    Args:
        inner: the folder of what is about the run.
    """
    folder = os.path.join(inner, FOLDER)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    found = [(name, match) for name in names if (match := _NAME.fullmatch(name))]
    return tuple(
        KeptWeights(int(match[1]), match[2], os.path.join(folder, name)) for name, match in found
    )


@torch.no_grad()
def load_kept(kept: KeptWeights, trained: Mapping[str, nn.Parameter]) -> None:
    """Give a model the weights that were kept.

    Args:
        kept: which.
        trained: its parameters that learn, by name; see ``GeneratorTrainee.trained``.

    Raises:
        CheckpointError: the file is damaged, or of a model with other parameters.
    """
    from safetensors.torch import load_file

    what = f"the checkpoint after step {kept.step} ({kept.path})"
    remedy = "delete that file to compare the others"
    try:
        whole = checksum(kept.path)[:16] == kept.digest
    except OSError as error:
        raise CheckpointError(f"{what} cannot be read: {error.strerror}") from error
    if not whole:
        raise CheckpointError(f"{what} is damaged: {remedy}")
    shapes = tensor_shapes(Path(kept.path), what)
    own = {name: list(parameter.shape) for name, parameter in trained.items()}
    if shapes != own:
        odd = sorted(name for name in {*shapes, *own} if shapes.get(name) != own.get(name))
        raise CheckpointError(f"{what} is of a model with other parameters ({odd[0]}): {remedy}")
    for name, one in load_file(kept.path).items():
        trained[name].copy_(one)
