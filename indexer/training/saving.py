"""A trained model as a model directory: written beside, then put in place, its config last."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from vitrail.indexer.encoders.checkpoints import Checkpoint
from vitrail.indexer.encoders.libraries import quiet_transformers
from vitrail.indexer.encoders.processors import FILES
from vitrail.indexer.files.durability import (
    TEMPORARY,
    disk_guard,
    make_directory,
    rename,
    sync_directory,
    sync_file,
)

RECORD = "vitrail.json"


def save_model(
    model: nn.Module, source: Checkpoint, folder: str, record: Mapping[str, Any]
) -> None:
    """Write a model in transformers' layout, with the preprocessing of the one that it was.

    Until ``config.json`` is there, which comes last, nothing takes the folder for a checkpoint.

    Args:
        model: transformers' own; moved to the CPU.
        source: the checkpoint that it was made of.
        folder: where to; what is there under other names stays.
        record: how it was made, as plain JSON types; beside the model, for people.

    Raises:
        CollectionError: the disk is full.
    """
    staged = os.path.join(folder, f"model{TEMPORARY}")
    shutil.rmtree(staged, ignore_errors=True)
    model.to("cpu").eval()
    needed = sum(one.numel() * one.element_size() for one in model.parameters())
    with disk_guard(folder, needed):
        make_directory(staged)
        try:
            _fill(model, source, staged, record)
            names = sorted(os.listdir(staged), key=lambda name: (name == "config.json", name))
            for name in names:
                sync_file(os.path.join(staged, name))
            sync_directory(staged)
            for name in names:
                rename(os.path.join(staged, name), os.path.join(folder, name))
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def _fill(model: Any, source: Checkpoint, staged: str, record: Mapping[str, Any]) -> None:
    with quiet_transformers():
        model.save_pretrained(staged)
    for name in FILES:
        if (Path(source.directory) / name).is_file():
            shutil.copyfile(Path(source.directory) / name, os.path.join(staged, name))
    with open(os.path.join(staged, RECORD), "w", encoding="utf-8") as file:
        file.write(json.dumps(record, indent=2) + "\n")
