"""A checkpoint as one safetensors file: its tensors' shapes, and where its configuration lies."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

from indexer.errors import CheckpointError


def configuration_of(file: Path) -> Path | None:
    """The diffusers directory beside a single file that holds its configuration, if there is one.

    It has the file's name without its ending, and needs no weights.
    """
    beside = file.with_suffix("")
    return beside if (beside / "model_index.json").is_file() else None


def tensor_shapes(path: Path, name: str) -> dict[str, list[int]]:
    """Names and shapes of a safetensors file, from its header alone.

    Raises:
        CheckpointError: it is no such file, or ends too soon.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            # A length of nonsense reads no further than the file's end, and is no JSON then.
            size = os.path.getsize(path)
            header = json.loads(file.read(min(length, size)))
        entries = {key: entry for key, entry in header.items() if key != "__metadata__"}
        whole = (
            8 + length + max((entry["data_offsets"][1] for entry in entries.values()), default=0)
        )
        shapes = {key: entry["shape"] for key, entry in entries.items()}
    except (OSError, ValueError, struct.error, LookupError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{name!r} is no safetensors file ({error}): give one, or a directory in "
            f"diffusers' layout"
        ) from None
    if size < whole:
        raise CheckpointError(
            f"{name!r} is cut short, at {size:,} of {whole:,} bytes: download it again"
        )
    return shapes
