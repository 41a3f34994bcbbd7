"""Google's NumPy archives of ViT: those of Flax's old and new modules, and of big_vision."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from vitrail.indexer.encoders.foreign.arrays import Array, as_float32
from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.wording import in_one_line

# Where the model lies in an archive: by itself, of a checkpoint in training, of an image-text one.
_PREFIXES = ("", "params/img/", "params/", "opt/target/")
_SIGN = "embedding/kernel"


def read_google(path: Path) -> dict[str, Array]:
    """The arrays of an archive, under their paths below the image model.

    Args:
        path: of the archive.

    Raises:
        CheckpointError: it is broken off, or holds no ViT.
    """
    try:
        # Opened here: NumPy leaves a file open that is broken.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            inside = _inside(archive.files, path)
            return {
                name.removeprefix(inside): as_float32(name, archive[name], str(path))
                for name in archive.files
                if name.startswith(inside)
            }
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"{path} is broken off or no NumPy archive of plain arrays ({in_one_line(error, 80)}): "
            f"download it again"
        ) from None


def _inside(names: list[str], path: Path) -> str:
    for prefix in _PREFIXES:
        if f"{prefix}{_SIGN}" in names:
            return prefix
    shown = ", ".join(sorted(names)[:3]) or "nothing"
    raise CheckpointError(
        f"{path} lacks {_SIGN}, so it is no ViT of Google's (it holds {shown}): give one of these, "
        f"such as ViT-B_16.npz"
    )
