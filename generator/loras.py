"""LoRA files: low-rank weights laid over a checkpoint, safetensors only."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from generator.recipes import Lora
from indexer.encoders.storage import file_sha256
from indexer.errors import CheckpointError, InputError


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
    file = Path(path).expanduser()
    if not file.is_file():
        raise CheckpointError(f"LoRA {path!r} is no file here: give its path, FILE or FILE:WEIGHT")
    if file.suffix != ".safetensors":
        raise CheckpointError(
            f"LoRA {path!r} is not a .safetensors file, and other formats can run code: convert it"
        )
    return LoraFile(str(file.resolve()), file_sha256(file), weight)
