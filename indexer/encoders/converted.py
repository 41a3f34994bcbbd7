"""Checkpoint directories that are made once, in the cache folder, of weights in another format."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from vitrail.indexer.files.cache import cache_dir, file_sha256, read_json, storing
from vitrail.indexer.files.durability import checksum, rename, sync_directory, sync_file

WEIGHTS = "model.safetensors"
RECORD = "source.json"


def place_of(name: str, source: str, layout: int) -> Path:
    """Where a conversion is kept.

    Args:
        name: begins the directory's name, for people.
        source: sha256 (hex) of all that it is made of.
        layout: counts changes of what is written there.

    Raises:
        CacheError: there is no cache folder, and it cannot be made.
    """
    return cache_dir() / "checkpoints" / f"{name}-{source[:12]}-{layout}"


def is_whole(directory: Path) -> bool:
    """The directory holds what was written to it (size and time decide whether to hash again)."""
    weights = directory / WEIGHTS
    expected = read_json(directory / RECORD).get("weights")
    return expected is not None and weights.is_file() and file_sha256(weights) == expected


def make_once(directory: Path, source: str, write: Callable[[Path], None]) -> None:
    """Make a conversion beside its final place, then rename it: two processes may race.

    Args:
        directory: the final place, where nothing whole is.
        source: sha256 (hex) of what it is made of, to be told in it.
        write: given a folder, writes ``model.safetensors`` and the files beside it there; what it
            raises leaves nothing behind.

    Raises:
        CacheError: the cache folder is full or may not be written.
    """
    with storing():
        directory.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=directory.parent, prefix=".making-"))
        try:
            write(made)
            record = {"source": source, "weights": checksum(made / WEIGHTS)}
            (made / RECORD).write_text(json.dumps(record))
            _adopt(made, directory)
        finally:
            shutil.rmtree(made, ignore_errors=True)


def _adopt(made: Path, directory: Path) -> None:
    if directory.exists() and not is_whole(directory):
        shutil.rmtree(directory)
    try:
        for file in made.iterdir():
            sync_file(str(file))
        sync_directory(str(made))
        rename(str(made), str(directory))
    except OSError:  # another process was first
        if not is_whole(directory):
            raise
