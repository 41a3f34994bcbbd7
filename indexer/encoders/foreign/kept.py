"""Where conversions are kept, and what lies beside the weights there; light to import."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from vitrail.indexer.encoders.converted import is_whole, place_of
from vitrail.indexer.encoders.foreign.sources import WeightSource

LAYOUT = 1  # counts changes of what is written there


def kept_conversion(source: WeightSource, beside: Path, carried: Sequence[str]) -> Path | None:
    """The directory of a conversion that was made before; ``None`` where there is none.

    Args:
        source: the weights.
        beside: the directory of the files that belong to them.
        carried: names of these files.
    """
    directory = conversion_place(source, beside, carried)
    return directory if is_whole(directory) else None


def conversion_place(source: WeightSource, beside: Path | None, carried: Sequence[str]) -> Path:
    """Where the conversion of weights and the files beside them is kept.

    Args:
        source: the weights.
        beside: the directory of the files that belong to them.
        carried: names of these files.
    """
    return place_of(source.format.kind, _key(source, present(beside, carried)), LAYOUT)


def copy_beside(beside: Path, carried: Sequence[str], made: Path) -> None:
    """Copy the files that belong to weights into a conversion.

    Args:
        beside: the directory in which they are.
        carried: their names.
        made: the conversion's folder.
    """
    for file in present(beside, carried):
        shutil.copyfile(file, made / file.name)


def present(beside: Path | None, carried: Sequence[str]) -> list[Path]:
    """The files that are there, of those that may lie beside weights.

    Args:
        beside: the directory; ``None`` for none.
        carried: names of files.
    """
    if beside is None:
        return []
    return [beside / file for file in carried if (beside / file).is_file()]


def _key(source: WeightSource, files: Sequence[Path]) -> str:
    """Of the weights, and of what is copied: an edited config is not to be overlooked."""
    beside = [f"{one.name} {hashlib.sha256(one.read_bytes()).hexdigest()}" for one in files]
    return hashlib.sha256("\n".join([source.sha256(), *beside]).encode()).hexdigest()
