"""A checkpoint as one safetensors file: where the configuration lies that it does not hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vitrail.indexer.errors import CheckpointError


def configuration_of(file: Path) -> Path | None:
    """The diffusers directory beside a single file that holds its configuration, if there is one.

    It has the file's name without its ending, and needs no weights.
    """
    beside = file.with_suffix("")
    return beside if (beside / "model_index.json").is_file() else None


def find_configuration(file: Path, name: str) -> Path:
    """The configuration beside the file, or that of its family in the Hub's cache.

    The Hub itself is not asked: who gives a file has not named anything on it.

    Args:
        file: the checkpoint, a safetensors file.
        name: what messages call it.

    Raises:
        CheckpointError: it is neither here nor there.
    """
    beside = configuration_of(file)
    if beside is not None:
        return beside
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    repository = _family(file)
    try:
        cached = Path(snapshot_download(repository, local_files_only=True))
    except LocalEntryNotFoundError:
        cached = None
    if cached is not None and (cached / "model_index.json").is_file():
        return cached
    files = '--include "*.json" --include "*.txt"'
    raise CheckpointError(
        f"{name!r} holds no configuration, and the Hub is asked for nothing that was not named: "
        f"fetch its family's once with `hf download {repository} {files}`; where there is no "
        f"connection, do so elsewhere with `--local-dir {file.with_suffix('').name}`, and put that "
        f"folder beside the file as {file.with_suffix('')}"
    )


def _family(file: Path) -> str:
    """The Hub name of the checkpoint whose configuration diffusers takes for such weights."""
    from diffusers.loaders.single_file_utils import fetch_diffusers_config
    from safetensors.torch import load_file

    found: dict[str, Any] = fetch_diffusers_config(load_file(file))  # mapped, not read
    return str(found["pretrained_model_name_or_path"])
