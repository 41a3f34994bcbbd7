"""The one door to encoders: a checkpoint's name in, a ready encoder out."""

from __future__ import annotations

import logging
import platform
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.encoders.checkpoints import DEFAULT_CHECKPOINT, Checkpoint, find_checkpoint
from vitrail.indexer.encoders.focus import EMBEDDED
from vitrail.indexer.errors import CheckpointError, InputError, RuntimeUnusableError
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.spaces import EmbeddingSpace

__all__ = [
    "DEFAULT_CHECKPOINT",
    "EMBEDDED",
    "RUNTIMES",
    "load_encoder",
    "read_fingerprint",
    "read_labels",
]
_LOG = logging.getLogger(__name__)


def load_encoder(
    checkpoint: str = DEFAULT_CHECKPOINT,
    *,
    spaces: Sequence[str] | None = None,
    runtime: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    classify: bool = False,
) -> Encoder:
    """Load an encoder.

    Args:
        checkpoint: Hub name (``org/name`` or ``org/name@revision``), directory, or ``EMBEDDED``.
        spaces: such as ``["cls@12", "mean@9"]``; ``None`` for the checkpoint's default.
        runtime: ``auto``, ``torch`` or ``openvino``; ``auto`` is OpenVINO on x86 CPUs where it is
            installed, has passed its trial, and no CUDA device is there.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        classify: also give the logits of the checkpoint's head.

    Raises:
        CheckpointError: the checkpoint is missing, refused or unsupported.
        InputError: an unknown space, runtime, device or precision.
    """
    if runtime != "auto" and runtime not in RUNTIMES:
        raise InputError(f"runtime {runtime!r} is unknown: use auto, {', '.join(RUNTIMES)}")
    if runtime != "auto" and find_spec(RUNTIMES[runtime].package) is None:
        raise InputError(f"runtime {runtime!r} is not installed: pip install 'vitrail[{runtime}]'")
    found = find_checkpoint(checkpoint)
    chosen = found.select(spaces)
    if classify:
        _head(found)
    suiting = [name for name, one in RUNTIMES.items() if one.suits(device)]
    names = suiting if runtime == "auto" else [runtime]
    for name in names[:-1]:
        try:
            return RUNTIMES[name].load(found, chosen, device, precision, classify)
        except RuntimeUnusableError as error:
            _LOG.warning("using %s: %s", names[-1], error)
    return RUNTIMES[names[-1]].load(found, chosen, device, precision, classify)


@dataclass(frozen=True, slots=True)
class Runtime:
    """What can run an encoder.

    Attributes:
        package: what must be installed for it.
        module: of ours, imported when it is chosen.
        encoder: the class there that implements ``Encoder``.
        suits: whether ``auto`` may take it for a device, by its name.
    """

    package: str
    module: str
    encoder: str
    suits: Callable[[str], bool]

    def load(
        self,
        checkpoint: Checkpoint,
        spaces: tuple[EmbeddingSpace, ...],
        device: str,
        precision: str,
        classify: bool,
    ) -> Encoder:
        """An encoder that is ready.

        Raises:
            RuntimeUnusableError: it failed its trial on this machine.
            CheckpointError: the checkpoint is damaged.
            InputError: a device or precision that it has not.
        """
        made: Encoder = getattr(import_module(self.module), self.encoder)(
            checkpoint, spaces, device=device, precision=precision, classify=classify
        )
        return made


def _suits_openvino(device: str) -> bool:
    if device not in ("auto", "cpu") or platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    if find_spec("openvino") is None:
        return False
    return device == "cpu" or not _has_cuda()


def _has_cuda() -> bool:
    """Ask torch only where there are signs of a driver: importing torch costs seconds."""
    if not (Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi")):
        return False
    import torch

    return torch.cuda.is_available()


RUNTIMES = {
    "openvino": Runtime(
        package="openvino",
        module="vitrail.indexer.encoders.openvino_encoder",
        encoder="OpenVinoEncoder",
        suits=lambda device: _suits_openvino(device),
    ),
    "torch": Runtime(
        package="torch",
        module="vitrail.indexer.encoders.torch_encoder",
        encoder="TorchEncoder",
        suits=lambda _: True,
    ),
}
"""By name, the first that suits is what ``auto`` takes; the last serves everywhere."""


def read_labels(checkpoint: str) -> tuple[str, ...]:
    """The class names of a checkpoint's head, without loading any framework.

    Raises:
        CheckpointError: the checkpoint is missing, refused or unsupported, or has no head.
    """
    return _head(find_checkpoint(checkpoint))


def _head(found: Checkpoint) -> tuple[str, ...]:
    if not found.labels:
        raise CheckpointError(
            f"{found.name!r} has no classification head: leave out --classify, or use a checkpoint "
            f"with one, such as {DEFAULT_CHECKPOINT}"
        )
    return found.labels


def read_fingerprint(checkpoint: str, spaces: Sequence[str] | None = None) -> Fingerprint:
    """The fingerprint an encoder would have, without loading any framework.

    Raises:
        CheckpointError: the checkpoint is missing, refused or unsupported.
        InputError: an unknown space.
    """
    found = find_checkpoint(checkpoint)
    return found.fingerprint(found.select(spaces))
