"""Which device torch works on, and in which precision."""

from __future__ import annotations

from typing import Any

import torch

from vitrail.indexer.encoders.settings import SPREAD, check_placement
from vitrail.indexer.errors import InputError

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""By name, what torch calls it."""


def choose_device(device: str) -> torch.device:
    """The torch device of a name; ``auto`` is CUDA, else Apple's MPS, else the CPU.

    What is to be spread has its main device, the first one.

    Raises:
        InputError: an unknown device, or one this machine does not have.
    """
    if device == SPREAD:
        return _first_of_several()
    check_placement(device, "auto")
    if device == "auto":
        kind = "cuda" if torch.cuda.is_available() else "cpu"
        return torch.device("mps" if torch.backends.mps.is_available() else kind)
    chosen = torch.device(device)
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (chosen.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not available[chosen.type]:
        seen = f"{torch.cuda.device_count()} CUDA devices" if chosen.type == "cuda" else "no MPS"
        raise InputError(
            f"device {device!r} is not there: this torch ({torch.__version__}) sees {seen}; use "
            "--device cpu or auto"
        )
    return chosen


def _first_of_several() -> torch.device:
    """The CUDA device that pixels go to, where there is one."""
    if not torch.cuda.is_available():
        raise InputError(
            f"device {SPREAD!r} parts an encoder among CUDA devices, and this torch "
            f"({torch.__version__}) sees none: one processor or MPS device holds it whole; use auto"
        )
    return torch.device("cuda", 0)


def choose_precision(precision: str, device: torch.device) -> str:
    """``fp32``, ``bf16`` or ``fp16``; ``auto`` takes what the device computes natively.

    Raises:
        InputError: an unknown precision.
    """
    check_placement("auto", precision)
    if precision in PRECISIONS:
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if device.type == "mps":
        return "fp16"
    # bf16 that is emulated is slower by tens of times: the processor must have it.
    return "bf16" if cpu_has_bf16() else "fp32"


def cpu_has_bf16() -> bool:
    """Whether this processor multiplies bf16 matrices itself."""
    capabilities = torch.backends.cpu.get_cpu_capability(), torch.cpu.get_capabilities()
    flags: dict[str, Any] = dict(capabilities[1])
    return bool(flags.get("avx512_bf16") or flags.get("amx_bf16") or flags.get("bf16"))
