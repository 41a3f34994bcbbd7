"""A tower as a program of torch.export, for programs that run torch without transformers."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from vitrail.indexer.encoders.devices import PRECISIONS

if TYPE_CHECKING:
    from vitrail.indexer.encoders.tower import Tower

FILE = "model.pt2"


class TorchProgram:
    """The program of a tower, ready to be saved and to run.

    Vitrail runs the one that it made, and loads none from a file: loading may run code that the
    file brings.

    Args:
        tower: float32, in eval mode; changed to the precision.
        image_size: side of its square input in pixels.
        precision: ``fp32``, ``fp16`` or ``bf16``.
    """

    def __init__(self, tower: Tower, image_size: int, precision: str) -> None:
        self.runtime = f"torch-export {precision} (cpu)"
        example = torch.zeros((2, image_size, image_size, 3), dtype=torch.uint8)
        batch = torch.export.Dim("batch", min=1)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            self._program = torch.export.export(
                tower.to(PRECISIONS[precision]), (example,), dynamic_shapes=({0: batch},)
            )
        self._module = self._program.module()

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """The outputs for (n, S, S, 3) uint8, in the tower's order."""
        with torch.inference_mode():
            outputs = self._module(torch.from_numpy(np.ascontiguousarray(pixels)))
        return [one.float().numpy() for one in outputs]

    def save(self, path: Path) -> None:
        """Write it.

        Raises:
            OSError: the disk is full or refuses.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.export.save(self._program, path)
