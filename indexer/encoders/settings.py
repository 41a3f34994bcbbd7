"""Which encoder, and how it is run: plain values that another process can be sent."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vitrail.indexer.errors import InputError

DEFAULT_CHECKPOINT = "google/vit-base-patch16-224"
EMBEDDED = "dinov2-small-focus"
"""The checkpoint that needs no Hub: see ``vitrail.indexer.encoders.focus``."""


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """All that decides which encoder ``load_encoder`` loads; loads nothing itself.

    Attributes:
        checkpoint: Hub name (``org/name`` or ``org/name@revision``), directory, or ``EMBEDDED``.
        spaces: such as ``("cls@12", "mean@9")``; none for the checkpoint's default.
        runtime: ``auto``, or a name in ``vitrail.indexer.encoders.runtimes.RUNTIMES``.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N``, ``mps`` or ``spread``, which is all CUDA
            devices, and the computer's memory where they have no room.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        classify: also give the logits of the checkpoint's head.

    Raises:
        InputError: a device or precision that no machine has.
    """

    checkpoint: str = DEFAULT_CHECKPOINT
    spaces: tuple[str, ...] = ()
    runtime: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    classify: bool = False

    def __post_init__(self) -> None:
        check_placement("cuda" if self.device == SPREAD else self.device, self.precision)


SPREAD = "spread"
_DEVICE = re.compile(r"auto|(cpu|cuda|mps)(:\d+)?")
_PRECISIONS = ("auto", "fp32", "bf16", "fp16")


def check_placement(device: str, precision: str) -> None:
    """Refuse a device or precision that no machine has, before anything is loaded or made.

    Raises:
        InputError: naming what was given and what there is.
    """
    if not _DEVICE.fullmatch(device):
        raise InputError(f"device {device!r} is unknown: use auto, cpu, cuda, cuda:N or mps")
    if precision not in _PRECISIONS:
        raise InputError(f"precision {precision!r} is unknown: use {', '.join(_PRECISIONS)}")
