"""A trained model as a model directory, in transformers' layout."""

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
from vitrail.indexer.training.staging import staged_model, weight_bytes

RECORD = "vitrail.json"


def save_model(
    model: nn.Module, source: Checkpoint, folder: str, record: Mapping[str, Any]
) -> None:
    """Write a model in transformers' layout, with the preprocessing of the one that it was.

    Args:
        model: transformers' own; moved to the CPU.
        source: the checkpoint that it was made of.
        folder: where to; what is there under other names stays.
        record: how it was made, as plain JSON types; beside the model, for people.

    Raises:
        CollectionError: the disk is full.
    """
    model.to("cpu").eval()
    with staged_model(folder, weight_bytes(model), "config.json") as staged:
        _fill(model, source, staged, record)


def _fill(model: Any, source: Checkpoint, staged: str, record: Mapping[str, Any]) -> None:
    with quiet_transformers():
        model.save_pretrained(staged)
    for name in FILES:
        if (Path(source.directory) / name).is_file():
            shutil.copyfile(Path(source.directory) / name, os.path.join(staged, name))
    with open(os.path.join(staged, RECORD), "w", encoding="utf-8") as file:
        file.write(json.dumps(record, indent=2) + "\n")
