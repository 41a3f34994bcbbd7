"""What can run an encoder, what each needs, and why one does not serve here."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.encoders.checkpoints import Checkpoint
from vitrail.indexer.encoders.settings import EncoderSettings
from vitrail.indexer.errors import InputError
from vitrail.indexer.spaces import EmbeddingSpace


class EncoderMaker(Protocol):
    """What a runtime's class of encoders is called with."""

    def __call__(
        self,
        checkpoint: Checkpoint,
        spaces: Sequence[EmbeddingSpace],
        *,
        device: str,
        precision: str,
        classify: bool,
    ) -> Encoder:
        """An encoder that is ready."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What can run an encoder.

    Attributes:
        name: as users give it.
        package: what must be installed for it.
        passed_over: why ``auto`` does not take it for a device, by its name; ``None`` if it does.
        encoders: imports the class of its encoders, which takes the package with it.
    """

    name: str
    package: str
    passed_over: Callable[[str], str | None]
    encoders: Callable[[], EncoderMaker]

    @property
    def missing(self) -> str | None:
        """Why it cannot be used at all; ``None`` if what it needs is installed."""
        if find_spec(self.package) is not None:
            return None
        return f"runtime {self.name!r} is not installed: pip install 'vitrail[{self.name}]'"

    def load(
        self, checkpoint: Checkpoint, spaces: Sequence[EmbeddingSpace], settings: EncoderSettings
    ) -> Encoder:
        """An encoder that is ready.

        Raises:
            RuntimeUnusableError: it failed its trial on this machine.
            CheckpointError: the checkpoint is damaged.
            InputError: the settings name a device or precision that it has not.
        """
        return self.encoders()(
            checkpoint,
            spaces,
            device=settings.device,
            precision=settings.precision,
            classify=settings.classify,
        )


def _openvino_encoders() -> EncoderMaker:
    from vitrail.indexer.encoders.openvino_encoder import OpenVinoEncoder

    return OpenVinoEncoder


def _torch_encoders() -> EncoderMaker:
    from vitrail.indexer.encoders.torch_encoder import TorchEncoder

    return TorchEncoder


def _onnx_encoders() -> EncoderMaker:
    from vitrail.indexer.encoders.onnx_runtime import load_onnx

    return load_onnx


def _onnx_passed_over(device: str) -> str | None:
    return f"it is taken where it is named, others being quicker (device {device})"


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
    Runtime("openvino", "openvino", _openvino_passed_over, _openvino_encoders),
    Runtime("onnx", "onnxruntime", _onnx_passed_over, _onnx_encoders),
    Runtime("torch", "torch", lambda _: None, _torch_encoders),
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
