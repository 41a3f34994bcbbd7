"""A tower as an ONNX file: pixels in, the vectors of all spaces out, batches of any size."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from vitrail.indexer.encoders.tower import Tower

PIXELS = "pixels"
"""What the graph's input is called: (n, S, S, 3) uint8."""
OPSET = 23  # the first with attention as one operator, which runtimes fuse


def write_onnx(
    tower: Tower, outputs: Sequence[str], image_size: int, path: Path, opset: int = OPSET
) -> None:
    """Write a tower's graph, weights included, as one file.

    Args:
        tower: float32, in eval mode.
        outputs: names of its outputs, in order.
        image_size: side of its square input in pixels.
        path: to write to.
        opset: version of the operators.

    Raises:
        OSError: the disk is full or refuses.
    """
    example = torch.zeros((2, image_size, image_size, 3), dtype=torch.uint8)
    with _quiet(), torch.inference_mode():
        program = torch.onnx.export(
            tower,
            (example,),
            dynamo=True,
            opset_version=opset,
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            input_names=[PIXELS],
            output_names=[*outputs],
            external_data=False,
            verbose=False,
        )
    assert program is not None  # None is of exports to a file
    program.save(str(path))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says of packages that are not there, and of its steps."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
