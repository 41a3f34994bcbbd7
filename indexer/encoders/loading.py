"""The one door to encoders: a checkpoint's name in, a ready encoder out."""

from __future__ import annotations

from collections.abc import Sequence

from indexer.encoders.base import Encoder, Fingerprint
from indexer.encoders.checkpoints import DEFAULT_CHECKPOINT, find_checkpoint
from indexer.encoders.focus import EMBEDDED
from indexer.errors import InputError

__all__ = ["DEFAULT_CHECKPOINT", "EMBEDDED", "RUNTIMES", "load_encoder", "read_fingerprint"]
RUNTIMES = ("auto", "torch", "openvino")


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
        runtime: ``auto``, ``torch`` or ``openvino``.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        classify: also give the logits of the checkpoint's head.

    Raises:
        CheckpointError: the checkpoint is missing, refused or unsupported.
        InputError: an unknown space, runtime, device or precision.
    """
    if runtime not in RUNTIMES:
        raise InputError(f"runtime {runtime!r} is unknown: use {', '.join(RUNTIMES)}")
    found = find_checkpoint(checkpoint)
    chosen = found.select(spaces)
    from indexer.encoders.torch_encoder import TorchEncoder

    return TorchEncoder(found, chosen, device=device, precision=precision, classify=classify)


def read_fingerprint(checkpoint: str, spaces: Sequence[str] | None = None) -> Fingerprint:
    """The fingerprint an encoder would have, without loading any framework.

    Raises:
        CheckpointError: the checkpoint is missing, refused or unsupported.
        InputError: an unknown space.
    """
    found = find_checkpoint(checkpoint)
    return found.fingerprint(found.select(spaces))
