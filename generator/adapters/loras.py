"""LoRA files: low-rank weights laid over a checkpoint, safetensors only."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vitrail.indexer.encoders.weights import SUFFIX, tensor_shapes
from vitrail.indexer.errors import CheckpointError, InputError
from vitrail.indexer.files.cache import file_sha256, remembered_paths
from vitrail.indexer.paths import at_home
from vitrail.indexer.recipes.recipe import Lora


@dataclass(frozen=True, slots=True)
class LoraFile:
    """A LoRA on disk.

    Attributes:
        path: the safetensors file.
        content_hash: sha256 (hex) of it.
        weight: factor on its effect.
    """

    path: str
    content_hash: str
    weight: float = 1.0

    @property
    def record(self) -> Lora:
        """What a recipe keeps of it."""
        return Lora(Path(self.path).stem, self.content_hash, self.weight)

    @property
    def adapter(self) -> str:
        """Name within the loaded model; module names may not hold dots."""
        return f"lora_{self.content_hash[:12]}"


def open_lora(text: str) -> LoraFile:
    """Read ``FILE`` or ``FILE:WEIGHT``.

    Raises:
        CheckpointError: no such file, or not safetensors.
        InputError: a weight that is not finite.
    """
    path, weight = text, 1.0
    match = re.fullmatch(r"(.+):([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", text)
    if match and not Path(text).exists():
        path, weight = match[1], float(match[2])
    if not math.isfinite(weight):
        raise InputError(f"LoRA weight {weight} is not finite: give a number such as 0.8")
    return _open(path, weight)


def find_loras(records: Sequence[Lora], given: Iterable[str] = ()) -> tuple[LoraFile, ...]:
    """The files of a recipe's LoRAs, in its order and with its weights.

    A recipe knows a file by its hash only, so that no image tells where its maker keeps things;
    files used before are remembered on this machine.

    Args:
        records: what the recipe keeps of them.
        given: paths of files that the user says are among them.

    Raises:
        CheckpointError: one is nowhere to be found, or a given one is none of them or no LoRA.
    """
    opened = [_open(path, 1.0) for path in given]
    for file in opened:
        if file.content_hash not in {lora.content_hash for lora in records}:
            named = ", ".join(map(_described, records)) or "none"
            raise CheckpointError(
                f"LoRA {file.path!r} is sha256 {file.content_hash[:12]}, and the recipe names "
                f"{named}: give that file"
            )
    places = {file.content_hash: file.path for file in opened}
    return tuple(
        LoraFile(places.get(lora.content_hash) or _remembered(lora), lora.content_hash, lora.weight)
        for lora in records
    )


def _remembered(lora: Lora) -> str:
    known = [path for path in remembered_paths(lora.content_hash) if path.suffix == SUFFIX]
    for path in known:
        if path.is_file() and file_sha256(path) == lora.content_hash:
            return str(path)
    places = f"no more, or changed, at {', '.join(map(str, known))}" if known else "not known here"
    raise CheckpointError(
        f"the recipe names LoRA {_described(lora)}, which is {places}: give its file by --lora FILE"
    )


def _described(lora: Lora) -> str:
    return f"{lora.name}{SUFFIX} (sha256 {lora.content_hash[:12]})"


def _open(path: str, weight: float) -> LoraFile:
    file = at_home(path)
    if not file.is_file():
        raise CheckpointError(
            f"LoRA {path!r} is no file here: give the path of its safetensors, with a weight as "
            "FILE:0.8"
        )
    tensor_shapes(file, f"LoRA {path!r}")
    # not the file that a link leads to: in the Hub's cache its name tells nothing
    return LoraFile(os.path.abspath(file), file_sha256(file), weight)
