"""A tower as a Core ML package: made anywhere, run by Apple's systems alone."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from vitrail.indexer.encoders.tower import Tower

PACKAGE = "model.mlpackage"
IMAGE = "image"
"""What the input is called: one RGB image of the encoder's size."""
_SMALLEST = 512  # numbers of a weight that is worth fewer bits
_INT4_BLOCK = 32


class _OfImage(nn.Module):
    """The tower behind Core ML's order of an image's axes."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, image: Tensor) -> Any:
        """(1, 3, S, S) of 0 to 255."""
        return self.tower(image.permute(0, 2, 3, 1))


def output_name(name: str) -> str:
    """A space's name as Core ML allows one: ``cls@12`` is ``cls_12`` there."""
    return name.replace("@", "_")


def save_package(
    tower: Tower, outputs: Sequence[str], image_size: int, precision: str, path: Path
) -> None:
    """Write the package of a tower for iOS 18 and macOS 15.

    Its input is an image, which Core ML hands over as it is in memory: tensors of uint8 it has
    not. One image at a time; batches are Core ML's own.

    Args:
        tower: float32, in eval mode.
        outputs: names of its outputs, in order.
        image_size: side of its square input in pixels.
        precision: ``fp32``, ``fp16``, ``int8`` or ``int4``.
        path: of the package, a folder.
    """
    with _quiet():
        _package(tower, outputs, image_size, precision).save(str(path))


def _package(tower: Tower, outputs: Sequence[str], image_size: int, precision: str) -> Any:
    import coremltools

    shape = (1, 3, image_size, image_size)
    with torch.no_grad():
        program = torch.export.export(_OfImage(tower).eval(), (torch.zeros(shape),))
    kind = coremltools.precision
    model = coremltools.convert(
        program.run_decompositions({}),
        inputs=[
            coremltools.ImageType(name=IMAGE, shape=shape, color_layout=coremltools.colorlayout.RGB)
        ],
        outputs=[coremltools.TensorType(name=output_name(name)) for name in outputs],
        convert_to="mlprogram",
        minimum_deployment_target=coremltools.target.iOS18,
        compute_precision=kind.FLOAT32 if precision == "fp32" else kind.FLOAT16,
        skip_model_load=True,
    )
    return _compressed(model, precision) if precision.startswith("int") else model


def _compressed(model: Any, precision: str) -> Any:
    from coremltools.optimize import coreml

    if precision == "int8":
        chosen = coreml.OpLinearQuantizerConfig(
            mode="linear_symmetric", dtype="int8", weight_threshold=_SMALLEST
        )
    else:
        chosen = coreml.OpLinearQuantizerConfig(
            mode="linear_symmetric",
            dtype="int4",
            granularity="per_block",
            block_size=_INT4_BLOCK,
            weight_threshold=_SMALLEST,
        )
    config = coreml.OptimizationConfig(global_config=chosen)
    return coreml.linear_quantize_weights(model, config)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without coremltools' bars, and its remarks on versions of torch."""
    logger = logging.getLogger("coremltools")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
