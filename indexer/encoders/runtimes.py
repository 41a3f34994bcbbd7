"""What can run an encoder, what each needs, and why one does not serve here."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.encoders.checkpoints import Checkpoint
from vitrail.indexer.encoders.settings import EncoderSettings
from vitrail.indexer.errors import InputError
from vitrail.indexer.spaces import EmbeddingSpace


@dataclass(frozen=True, slots=True)
class Runtime:
    """What can run an encoder.

    Attributes:
        name: as users give it.
        package: what must be installed for it.
        passed_over: why ``auto`` does not take it for a device, by its name; ``None`` if it does.
        load: a checkpoint, its spaces and the settings to an encoder that is ready. Raises
            ``RuntimeUnusableError`` where it failed its trial on this machine, ``CheckpointError``
            for a damaged checkpoint, and ``InputError`` for a device or precision that it has not.
    """

    name: str
    package: str
    passed_over: Callable[[str], str | None]
    load: Callable[[Checkpoint, Sequence[EmbeddingSpace], EncoderSettings], Encoder]

    @property
    def missing(self) -> str | None:
        """Why it cannot be used at all; ``None`` if what it needs is installed."""
        if find_spec(self.package) is not None:
            return None
        return f"runtime {self.name!r} is not installed: pip install 'vitrail[{self.name}]'"


def _load_openvino(
    checkpoint: Checkpoint, spaces: Sequence[EmbeddingSpace], settings: EncoderSettings
) -> Encoder:
    from vitrail.indexer.encoders.openvino_encoder import OpenVinoEncoder

    return OpenVinoEncoder(
        checkpoint,
        spaces,
        device=settings.device,
        precision=settings.precision,
        classify=settings.classify,
    )


def _load_torch(
    checkpoint: Checkpoint, spaces: Sequence[EmbeddingSpace], settings: EncoderSettings
) -> Encoder:
    from vitrail.indexer.encoders.torch_encoder import TorchEncoder

    return TorchEncoder(
        checkpoint,
        spaces,
        device=settings.device,
        precision=settings.precision,
        classify=settings.classify,
    )


def _openvino_passed_over(device: str) -> str | None:
    machine = platform.machine()
    if machine.lower() not in ("x86_64", "amd64"):
        return f"it is for x86 processors, and this is {machine or 'of unknown kind'}"
    if device not in ("auto", "cpu"):
        return f"it runs on the CPU, and {device} was asked for"
    if device == "auto" and _has_cuda():
        return "there is a CUDA device, which it does not use"
    return None


def _has_cuda() -> bool:
    """Ask torch only where there are signs of a driver: importing torch costs seconds."""
    if not (Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi")):
        return False
    import torch

    return torch.cuda.is_available()


_KNOWN = (
    Runtime("openvino", "openvino", _openvino_passed_over, _load_openvino),
    Runtime("torch", "torch", lambda _: None, _load_torch),
)
RUNTIMES = {runtime.name: runtime for runtime in _KNOWN}
"""By name; ``auto`` tries them in this order, and the last serves everywhere."""


def runtimes_for(settings: EncoderSettings) -> list[Runtime]:
    """Those to try, in order: the one that is named, or all that ``auto`` may take.

    Raises:
        InputError: the one named is unknown or not installed, or none can be used here.
    """
    if settings.runtime == "auto":
        obstacles = {
            each: each.missing or each.passed_over(settings.device) for each in RUNTIMES.values()
        }
        able = [each for each, obstacle in obstacles.items() if obstacle is None]
        if not able:
            reasons = "; ".join(f"{each.name}: {why}" for each, why in obstacles.items())
            raise InputError(f"no runtime can be used here ({reasons})")
        return able
    named = RUNTIMES.get(settings.runtime)
    if named is None:
        raise InputError(
            f"runtime {settings.runtime!r} is unknown: use auto, {', '.join(RUNTIMES)}"
        )
    if named.missing is not None:
        raise InputError(named.missing)
    return [named]
