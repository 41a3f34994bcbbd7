"""An ONNX file in fewer bits, by ONNX Runtime's own means where it has them."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = "model.onnx"
_SMALLEST = 1024  # numbers of a weight that is worth a node of its own
_INT4_BLOCK = 32  # weights that share a step


def store_in_half(source: Path, target: Path, precision: str) -> None:
    """Keep weights in 16 bits, widened when the file is loaded, so that any device runs it.

    Args:
        source: a float32 file.
        target: to write to.
        precision: ``fp16`` or ``bf16``.
    """
    import onnx

    model = onnx.load(str(source))
    graph = model.graph
    widening, kept = [], []
    for one in graph.initializer:
        if one.data_type != onnx.TensorProto.FLOAT or np.prod(one.dims) < _SMALLEST:
            kept.append(one)
            continue
        stored = f"{one.name}_stored"
        kept.append(_in_half(one, stored, precision))
        widening.append(
            onnx.helper.make_node("Cast", [stored], [one.name], to=onnx.TensorProto.FLOAT)
        )
    nodes = [*widening, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    onnx.save(model, str(target))


def _in_half(tensor: Any, name: str, precision: str) -> Any:
    import onnx

    values: NDArray[np.float32] = onnx.numpy_helper.to_array(tensor)
    if precision == "fp16":
        return onnx.numpy_helper.from_array(values.astype(np.float16), name)
    import torch

    rounded = torch.from_numpy(values.copy()).to(torch.bfloat16).view(torch.int16).numpy()
    return onnx.helper.make_tensor(
        name, onnx.TensorProto.BFLOAT16, [*tensor.dims], rounded.tobytes(), raw=True
    )


def store_in_int8(source: Path, target: Path) -> None:
    """Weights in 8 bits with a step for each column; what layers are given gets its own as it runs.

    Of what ONNX Runtime offers this moves vectors least: steps that are chosen beforehand cost
    several hundredths of a cosine.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(
            str(source),
            str(target),
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["MatMul", "Gemm"],
        )


def store_in_blocks(source: Path, target: Path, bits: int) -> None:
    """Weights in 4 or 8 bits with a step and a zero for each few; the rest stays float."""
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    with _quiet():
        quantiser = MatMulNBitsQuantizer(
            onnx.load(str(source)),
            bits=bits,
            block_size=_INT4_BLOCK,
            is_symmetric=False,
            accuracy_level=4,
        )
        quantiser.process()
        quantiser.model.save_model_to_file(str(target), False)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the quantisers print and log of each node."""
    names = ("", "onnxruntime.quantization")
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
