"""PyTorch pickles, which can run code: converted on request, where code could do the least."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from vitrail.indexer.encoders.converted import WEIGHTS, is_whole, make_once
from vitrail.indexer.encoders.families import family_of
from vitrail.indexer.encoders.foreign.kept import conversion_place, copy_beside
from vitrail.indexer.encoders.foreign.sources import WeightSource
from vitrail.indexer.encoders.weights import read_object
from vitrail.indexer.errors import CheckpointError

SECONDS = 1800

_LOG = logging.getLogger(__name__)


def convert_pickles(source: WeightSource, beside: Path, carried: Sequence[str], name: str) -> Path:
    """Convert a checkpoint's pickles to safetensors in a process of its own, and say so aloud.

    Args:
        source: the pickles.
        beside: the directory in which they are.
        carried: names of the files that belong to them, which are copied.
        name: the checkpoint, for messages.

    Returns:
        The conversion's directory, in which it is found from then on.

    Raises:
        CheckpointError: they hold something else than weights, or weights that do not fit the
            config.
        CacheError: the cache folder is full or may not be written.
    """
    directory = conversion_place(source, beside, carried)
    if not is_whole(directory):
        _LOG.warning(
            "%s is a pickle: reading it in a process of its own, weights only, and keeping them as "
            "safetensors in %s",
            source.files[0],
            directory,
        )
        make_once(
            directory, source.sha256(), lambda made: _write(source, beside, carried, made, name)
        )
    return directory


def _write(
    source: WeightSource, beside: Path, carried: Sequence[str], made: Path, name: str
) -> None:
    from vitrail.indexer.encoders.libraries import LOADING
    from vitrail.indexer.encoders.torch_encoder import load_class

    copy_beside(beside, carried, made)
    if not (made / "config.json").is_file():
        raise CheckpointError(
            f"{name!r} has no config.json: give a directory in transformers' layout "
            f"(model.save_pretrained)"
        )
    config = read_object(made / "config.json")
    family, _ = family_of(config, name)
    _run(source, made / WEIGHTS, name)
    given = next(iter(config.get("architectures") or ()), None)
    with LOADING:  # that it loads shows that nothing is missing
        load_class(made, str(given or family.tower_class), name)


def _run(source: WeightSource, target: Path, name: str) -> None:
    command = [sys.executable, "-m", "vitrail.indexer.encoders.foreign.pickle_process"]
    try:
        done = subprocess.run(
            [*command, *map(str, source.files), str(target)],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise CheckpointError(
            f"{name!r}: reading {source.name} took more than {SECONDS} seconds and was ended; "
            f"convert it where you trust it, to safetensors"
        ) from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise CheckpointError(
            f"{name!r}: {source.name} holds something else than plain weights, or is damaged, and "
            f"nothing was kept ({lines[-1][:160]}): convert it where you trust it, to "
            f"safetensors"
        )
