"""A model directory: written beside, then put in place, what makes it one last."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from vitrail.indexer.files.durability import (
    TEMPORARY,
    disk_guard,
    make_directory,
    rename,
    sync_tree,
)


@contextmanager
def staged_model(folder: str, needed: int, index: str) -> Iterator[str]:
    """A folder to write a model into; what was written is put in its place in the end.

    Until the index is there, which comes last, nothing takes the place for a checkpoint. Where
    the writing fails, nothing of it stays.

    Args:
        folder: the place; what is there under other names stays.
        needed: bytes that are going to be written, roughly.
        index: the file without which it is no model, such as ``config.json``.

    Raises:
        CollectionError: the disk is full.
    """
    staged = os.path.join(folder, f"model{TEMPORARY}")
    shutil.rmtree(staged, ignore_errors=True)  # of a run that was killed
    with disk_guard(folder, needed):
        make_directory(staged)
        try:
            yield staged
            sync_tree(staged)
            for name in sorted(os.listdir(staged), key=lambda name: (name == index, name)):
                _put(os.path.join(staged, name), os.path.join(folder, name))
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def _put(written: str, place: str) -> None:
    if os.path.isdir(place):  # of a run that was killed just here
        shutil.rmtree(place)
    rename(written, place)


def weight_bytes(*parts: nn.Module) -> int:
    """Bytes of all parameters of models, as they are now."""
    return sum(one.numel() * one.element_size() for part in parts for one in part.parameters())
