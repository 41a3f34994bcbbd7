"""A tower as an OpenVINO model, in any precision."""

from __future__ import annotations

import contextlib
import io
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
from numpy.typing import NDArray

from vitrail.indexer.encoders.openvino_compile import properties
from vitrail.indexer.encoders.openvino_encoder import choose_hint, trace

if TYPE_CHECKING:
    from vitrail.indexer.encoders.graph_encoder import VectorGraph
    from vitrail.indexer.encoders.tower import Tower
    from vitrail.indexer.export.int8 import CalibrationImages

FILES = ("model.xml", "model.bin")
_GROUP = re.compile(r"__module\.(blocks\.\d+\.[a-z_]+|[a-z_]+)")
_INT4_GROUP = 32  # weights that share a step
_LEAST_GROUP = 16  # likewise, of rows whose length is no multiple of that
# SmoothQuant's alpha: how much of the spread between columns goes from what layers are given to
# their weights. On two sets of pictures .7 kept most of the ten nearest, more than .5 and NNCF's
# own .95; .3 kept least.
_SMOOTHING = 0.7


def convert(tower: Tower, outputs: Sequence[str], image_size: int) -> Any:
    """The float32 model of a tower, its outputs named."""
    model = trace(tower, image_size)
    for output, name in zip(model.outputs, outputs, strict=True):
        output.get_tensor().set_names({name})
    return model


def with_int8_weights(model: Any) -> Any:
    """Weights in 8 bits, a step and a zero for each row; what layers are given stays float."""
    import nncf

    with _quiet():
        return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_ASYM)


def with_int4_weights(model: Any) -> Any:
    """Weights in 4 bits, a step and a zero for each few of a row; where these do not fit, 8 bits.

    Args:
        model: float32.
    """
    import nncf

    fitting = nncf.AdvancedCompressionParameters(
        group_size_fallback_mode=nncf.GroupSizeFallbackMode.ADJUST,
        min_adjusted_group_size=_LEAST_GROUP,
    )
    with _quiet():
        return nncf.compress_weights(
            model,
            mode=nncf.CompressWeightsMode.INT4_ASYM,
            group_size=_INT4_GROUP,
            ratio=1.0,
            all_layers=True,
            advanced_parameters=fitting,
        )


class OpenVinoInt8:
    """Implements ``vitrail.indexer.export.int8.Int8Model``; attention itself stays float.

    Args:
        model: float32, as of ``convert``.
        calibration: what the steps are chosen on.
    """

    def __init__(self, model: Any, calibration: CalibrationImages) -> None:
        self._model = quantised(model, calibration)
        self.groups = quantised_groups(self._model)

    def graph(self, reverted: Sequence[str]) -> VectorGraph:
        """Compiled in this process, at the precision that an export is run at here."""
        hint = choose_hint("auto", openvino.Core())
        return Compiled(_reverted(self._model, reverted), hint)

    def save(self, folder: Path, reverted: Sequence[str]) -> tuple[str, ...]:
        """Write the two files; their names."""
        return save(_reverted(self._model, reverted), folder, half=True)


def quantised(model: Any, calibration: CalibrationImages) -> Any:
    """Weights and what layers are given in 8 bits, calibrated on images; attention stays float.

    Args:
        model: float32.
        calibration: what the steps are chosen on.
    """
    import nncf

    images, on_image = calibration.images, calibration.on_image

    def items() -> Iterator[NDArray[np.uint8]]:
        for number in range(len(images)):
            on_image(number)
            yield images[number : number + 1]

    smoothing = nncf.AdvancedSmoothQuantParameters(matmul=_SMOOTHING)
    with _quiet():
        return nncf.quantize(
            model,
            nncf.Dataset(_Again(items)),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(images),
            # fused attention multiplies within itself, where 8 bits cost most
            ignored_scope=nncf.IgnoredScope(types=["ScaledDotProductAttention"], validate=False),
            advanced_parameters=nncf.AdvancedQuantizationParameters(smooth_quant_alphas=smoothing),
        )


class _Again:
    """What can be gone through more than once."""

    def __init__(self, begin: Callable[[], Iterator[NDArray[np.uint8]]]) -> None:
        self._begin = begin

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return self._begin()


def quantised_groups(model: Any) -> list[str]:
    """The parts of a quantised model that are given numbers in 8 bits, such as ``blocks.3.mlp``."""
    return list(dict.fromkeys(_group(given.get_node()) for given in _given_in_8_bits(model)))


def _reverted(model: Any, groups: Iterable[str]) -> Any:
    """A copy whose layers in some groups are given floating point again; weights stay in 8 bits."""
    wanted = set(groups)
    copy = model.clone()
    for given in _given_in_8_bits(copy):
        if _group(given.get_node()) in wanted:
            steps = given.get_source_output().get_node()
            given.replace_source_output(steps.input_value(0))
    copy.validate_nodes_and_infer_types()
    return copy


def _given_in_8_bits(model: Any) -> list[Any]:
    """The inputs, of layers and of what comes before them, that take numbers put into steps."""
    return [
        given
        for node in model.get_ordered_ops()
        for given in node.inputs()
        if given.get_source_output().get_node().get_type_name() == "FakeQuantize"
    ]


def _group(node: Any) -> str:
    """The part of the tower that a node is of, or that reads what it gives."""
    while not (match := _GROUP.match(node.get_friendly_name())):
        readers = node.output(0).get_target_inputs() if node.get_output_size() else ()
        if not readers:  # of no part, and read by none
            return str(node.get_friendly_name())
        node = min((one.get_node() for one in readers), key=lambda one: one.get_friendly_name())
    return match[1]


class Compiled:
    """A model compiled in this process, for a look at what it makes.

    Args:
        model: as of ``convert``.
        hint: OpenVINO's name of the precision.
    """

    def __init__(self, model: Any, hint: str) -> None:
        self.runtime = f"openvino {hint} (CPU)"
        self._model = openvino.Core().compile_model(model, "CPU", properties(hint))

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """The outputs for (n, S, S, 3) uint8, in the graph's order."""
        return [np.array(one, np.float32) for one in self._model(pixels).values()]


def save(model: Any, folder: Path, *, half: bool) -> tuple[str, ...]:
    """Write a model's two files; the names, the one that is read first in front.

    Args:
        model: as of ``convert``.
        folder: to write to.
        half: keep float32 weights in 16 bits.

    Raises:
        OSError: the disk is full or refuses.
    """
    try:
        openvino.save_model(model, folder / FILES[0], compress_to_fp16=half)
    except RuntimeError as error:  # it says no more than that its stream has failed
        raise OSError(f"no space left, or no right to write, in {folder}") from error
    return FILES


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without NNCF's bars and notices: what is told of progress is ours."""
    logger = logging.getLogger("nncf")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
