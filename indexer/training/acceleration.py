"""Device and precision of a training, by accelerate."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from vitrail.indexer.encoders.devices import choose_device, choose_precision
from vitrail.indexer.errors import InputError

INSTALL = "pip install 'vitrail[train]'"
_MIXED = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}


class Acceleration:
    """One device, and weights in float32 whose products are of a precision.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``auto`` is bf16 where the device computes it natively, else fp16 on CUDA, else
            fp32.

    Attributes:
        device: that is used.
        precision: likewise, by name.

    Raises:
        InputError: this machine does not have them, or accelerate is not installed.
    """

    def __init__(self, device: str = "auto", precision: str = "auto") -> None:
        try:
            from accelerate import Accelerator
            from accelerate.state import AcceleratorState
        except ImportError as error:
            raise InputError(f"training needs accelerate, which is not installed: {INSTALL}") from (
                error
            )
        self.device = choose_device(device)
        self.precision = _training_precision(precision, self.device)
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)
        # It keeps device and precision for the whole process, and refuses others afterwards.
        AcceleratorState._reset_state(reset_partial_state=True)
        self._inner: Any = Accelerator(
            mixed_precision=_MIXED[self.precision], cpu=self.device.type == "cpu"
        )

    @property
    def own_devices(self) -> Sequence[torch.device]:
        """Devices beside the CPU that have a generator to be left as it was."""
        return [self.device] if self.device.type == "cuda" else []

    def prepare(self, optimizer: torch.optim.Optimizer) -> Any:
        """The optimizer as it is to be stepped: past steps whose fp16 gradients overflowed."""
        return self._inner.prepare_optimizer(optimizer, device_placement=False)

    def autocast(self) -> AbstractContextManager[Any]:
        """Within it products are of the precision."""
        found: AbstractContextManager[Any] = self._inner.autocast()
        return found

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss."""
        self._inner.backward(loss)

    def clip(self, parameters: Sequence[torch.nn.Parameter], norm: float) -> None:
        """Cut the gradients to a norm."""
        self._inner.clip_grad_norm_(parameters, norm)

    def scaler_state(self) -> dict[str, Any]:
        """What fp16 needs to go on; empty of other precisions."""
        scaler = self._inner.scaler
        return {} if scaler is None else dict(scaler.state_dict())

    def load_scaler(self, state: dict[str, Any]) -> None:
        """Take up what ``scaler_state`` gave."""
        if self._inner.scaler is not None and state:
            self._inner.scaler.load_state_dict(state)


def _training_precision(precision: str, device: torch.device) -> str:
    if precision == "auto" and device.type == "mps":
        return "fp32"
    chosen = choose_precision(precision, device)
    if chosen == "fp16" and device.type != "cuda":
        raise InputError(
            f"fp16 trains on CUDA alone, whose gradients can be scaled, not on {device}; use "
            "--precision bf16, fp32 or auto"
        )
    return chosen
