"""A checkpoint directory's image processor, as its own file describes it."""

from __future__ import annotations

import json
from pathlib import Path

from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.images.preprocess import Preprocess
from vitrail.indexer.images.processors import from_config

FILES = ("preprocessor_config.json", "processor_config.json")


def read_preprocess(directory: Path, *, model_type: str, name: str) -> Preprocess:
    """The preprocessing that a checkpoint directory asks for.

    Args:
        directory: holds preprocessor_config.json or processor_config.json.
        model_type: of the tower; decides the processor where the file names none.
        name: the checkpoint, for messages.

    Raises:
        CheckpointError: no such file, or one that asks for what Vitrail does not do.
    """
    path = next((directory / file for file in FILES if (directory / file).is_file()), None)
    if path is None:
        raise CheckpointError(
            f"{name!r} has no preprocessor_config.json: save its image processor beside the "
            f"weights (processor.save_pretrained)"
        )
    try:
        raw = json.loads(path.read_bytes())
    except ValueError as error:
        raise CheckpointError(
            f"{path} is no JSON ({error}): download or save the processor again"
        ) from None
    if not isinstance(raw, dict):
        raise CheckpointError(f"{path} holds no settings: download or save the processor again")
    return from_config(raw, model_type=model_type)
