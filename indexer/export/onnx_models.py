"""An ONNX file in fewer bits, by ONNX Runtime's own means where it has them."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = "model.onnx"
_SMALLEST = 1024  # numbers of a weight that is worth a node of its own
_BLOCK = 32  # weights that share a step
_FLOAT = 1  # ONNX Runtime's level of what layers are given; 4 would be 8 bits, and no faster


def shrink(path: Path, precision: str) -> None:
    """Store a float32 file in fewer bits, in its own place.

    Args:
        path: of the file.
        precision: ``fp16``, ``bf16``, or, for the weights of all layers, ``int8`` or ``int4``; what
            these leave is kept in fp16.

    Raises:
        OSError: the disk is full or refuses.
    """
    import onnx

    model = onnx.load(str(path))
    if precision in ("int8", "int4"):
        model, precision = in_blocks(model, int(precision[3:])), "fp16"
    onnx.save(in_half(model, precision), str(path))


def in_half(model: Any, precision: str) -> Any:
    """Keep weights in 16 bits, widened when the file is loaded, so that any device runs it.

    Args:
        model: its float32 numbers are kept so, be they weights or steps of these; it changes.
        precision: ``fp16`` or ``bf16``.
    """
    import onnx

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
    return model


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


def in_int8(model: Any, left: Sequence[str] = ()) -> Any:
    """Weights in 8 bits with a step for each column; what layers are given gets its own as it runs.

    Of what ONNX Runtime offers this moves vectors least: steps that are chosen beforehand cost
    several hundredths of a cosine.

    Args:
        model: float32, which stays.
        left: names of nodes to leave as they are.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet(), tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "fp32.onnx", Path(folder) / FILE
        onnx.save(model, str(source))
        quantize_dynamic(
            str(source),
            str(target),
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["MatMul", "Gemm"],
            nodes_to_exclude=[*left],
        )
        return onnx.load(str(target))


def in_blocks(model: Any, bits: int) -> Any:
    """Weights in 4 or 8 bits with a step and a zero for each few; the rest stays float.

    Args:
        model: float32, or some of its layers in int8 already; it may change.
        bits: 4 or 8.
    """
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    with _quiet():
        quantiser = MatMulNBitsQuantizer(
            model,
            bits=bits,
            block_size=_BLOCK,
            is_symmetric=False,
            accuracy_level=_FLOAT,
        )
        quantiser.process()
    return quantiser.model.model


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
