"""A tower as an ONNX file in full int8, of which parts can go back to floating point."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.encoders.onnx_graph import PIXELS, write_onnx
from vitrail.indexer.encoders.onnx_runtime import OnnxGraph
from vitrail.indexer.export.onnx_models import FILE, in_blocks, in_half, in_int8

if TYPE_CHECKING:
    from vitrail.indexer.encoders.tower import Tower
    from vitrail.indexer.export.int8 import CalibrationImages

Floats = NDArray[np.float32]
_SCOPES = "pkg.torch.onnx.name_scopes"
_GROUP = re.compile(r"blocks\.\d+\.[a-z_]+|[a-z_]+")
_SMOOTHING = 0.5  # as of SmoothQuant: of the spread between columns, what goes to the weights
_LEAST = 1e-5  # below which a column says nothing


class OnnxInt8:
    """Implements ``vitrail.indexer.export.int8.Int8Model`` by ONNX Runtime's own operators.

    What layers are given gets its step as it runs, one for the whole batch: a few wide columns
    would leave few steps to all others. So their spread is moved to the weights first, on what a
    normalisation gives, where that costs no operator (SmoothQuant; Xiao et al., 2023).

    Args:
        tower: float32, in eval mode.
        outputs: names of its outputs, in order.
        image_size: side of its square input in pixels.
        calibration: what is looked at to tell the spread.
    """

    def __init__(
        self, tower: Tower, outputs: Sequence[str], image_size: int, calibration: CalibrationImages
    ) -> None:
        import onnx

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / FILE
            write_onnx(tower, outputs, image_size, path)
            self._model = onnx.load(str(path))
        self._layers = {node.name: _group(node) for node in _layers(self._model.graph)}
        smooth(self._model, calibration)

    @property
    def groups(self) -> Sequence[str]:
        """The parts whose layers are given numbers in 8 bits, in the graph's order."""
        return list(dict.fromkeys(self._layers.values()))

    def graph(self, reverted: Sequence[str]) -> OnnxGraph:
        """Loaded in this process."""
        with tempfile.TemporaryDirectory() as folder:
            self.save(Path(folder), reverted)
            return OnnxGraph(Path(folder) / FILE, "cpu", "int8")

    def save(self, folder: Path, reverted: Sequence[str]) -> tuple[str, ...]:
        """Write the file; its name."""
        import onnx

        wanted = {*reverted}
        left = [name for name, group in self._layers.items() if group in wanted]
        # a Gemm is parted into the product and the sum first, and the product has another name
        made = in_int8(self._model, [*left, *(f"{name}_MatMul" for name in left)])
        made = in_half(in_blocks(made, 8) if left else made, "fp16")
        onnx.save(made, str(folder / FILE))
        return (FILE,)


def _layers(graph: Any) -> Iterator[Any]:
    """Nodes that multiply by weights."""
    weights = {one.name for one in graph.initializer}
    for node in graph.node:
        if node.op_type in ("MatMul", "Gemm") and node.input[1] in weights:
            yield node


def _group(node: Any) -> str:
    """The part of the tower that a node is of, such as ``blocks.3.mlp``."""
    told = next((one.value for one in node.metadata_props if one.key == _SCOPES), "")
    names = [found[0] for word in re.findall(r"'([^']*)'", told) if (found := _GROUP.match(word))]
    return max(names[:-1], key=len, default=str(node.name))


def smooth(model: Any, calibration: CalibrationImages) -> None:
    """Move the spread between columns from normalised tokens to the weights that read them.

    Every vector stays what it was, but for rounding.

    Args:
        model: float32, changed in place.
        calibration: whose images tell the spread.
    """
    weights = {one.name: one for one in model.graph.initializer}
    readers: dict[str, list[Any]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)

    def is_own(name: str) -> bool:  # the exporter stores equal weights once
        return name in weights and len(readers[name]) == 1

    given = {one.name for one in model.graph.output}  # which nobody multiplies back
    norms = {}
    for node in model.graph.node:
        reading = readers.get(node.output[0], [])
        if node.op_type != "LayerNormalization" or not reading or node.output[0] in given:
            continue
        if any(one.op_type != "MatMul" for one in reading):
            continue
        if all(map(is_own, [*node.input[1:], *(one.input[1] for one in reading)])):
            norms[node.output[0]] = node
    for name, most in _most(model, norms, calibration).items():
        norm, reading = norms[name], readers[name]
        wide = np.max([np.abs(_array(weights[one.input[1]])).max(axis=1) for one in reading], 0)
        steps = _steps(most, wide)
        for each in norm.input[1:]:
            _put(weights[each], _array(weights[each]) / steps)
        for one in reading:
            _put(weights[one.input[1]], _array(weights[one.input[1]]) * steps[:, None])


def _steps(most: Floats, wide: Floats) -> Floats:
    """By what each column is divided, from the widest that it has and its weights have."""
    given = np.maximum(most, _LEAST) ** _SMOOTHING
    found = given / np.maximum(wide, _LEAST) ** (1 - _SMOOTHING)
    return np.asarray(found / np.exp(np.log(found).mean()), np.float32)


def _most(model: Any, names: Iterable[str], calibration: CalibrationImages) -> dict[str, Floats]:
    """The widest number in each column of some tensors, over all images."""
    import onnx
    import onnxruntime

    wanted = [*names]
    if not wanted:
        return {}
    looking = onnx.ModelProto()
    looking.CopyFrom(model)
    looking.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in wanted
    )
    session = onnxruntime.InferenceSession(
        looking.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: dict[str, Floats] = {}
    for number in range(len(calibration.images)):
        calibration.on_image(number)
        made = session.run(wanted, {PIXELS: calibration.images[number : number + 1]})
        for name, rows in zip(wanted, made, strict=True):
            most = np.abs(rows).reshape(-1, rows.shape[-1]).max(axis=0)
            found[name] = np.maximum(found[name], most) if name in found else most
    return found


def _array(tensor: Any) -> Floats:
    import onnx

    return np.asarray(onnx.numpy_helper.to_array(tensor), np.float32)


def _put(tensor: Any, values: NDArray[np.floating[Any]]) -> None:
    import onnx

    tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float32), tensor.name))
