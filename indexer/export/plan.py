"""What an encoder is exported to, and in which precision; refused where that cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from vitrail.indexer.encoders.exports import TARGETS
from vitrail.indexer.errors import InputError

PRECISIONS = ("fp32", "fp16", "bf16", "int8", "int4")
_HALF = ("fp32", "fp16", "bf16")
_CAN: dict[str, tuple[str, ...]] = {
    "openvino": PRECISIONS,
    "onnx": PRECISIONS,
    "torch-export": _HALF,
    "coreml": ("fp32", "fp16", "int8", "int4"),
    "tensorrt": _HALF,
}
_ALWAYS: dict[str, tuple[str, ...]] = {
    "openvino": ("openvino",),
    "onnx": ("onnxruntime", "onnxscript"),
    "torch-export": (),
    "coreml": ("coremltools",),
    "tensorrt": ("onnxruntime", "onnxscript"),
}


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What is to be made of an encoder.

    Attributes:
        target: one of ``TARGETS``.
        precision: one of ``PRECISIONS``.
        weights_only: of int8: leave what layers are given in floating point, which is slower than
            full int8 and hardly moves a vector. int4 is never anything else.

    Raises:
        InputError: there is no such target or precision, the target does not know the precision,
            or a package is missing.
    """

    target: str
    precision: str
    weights_only: bool = False

    def __post_init__(self) -> None:
        _one_of("target", self.target, TARGETS)
        _one_of("precision", self.precision, PRECISIONS)
        able = _CAN[self.target]
        if self.precision not in able:
            raise InputError(
                f"{self.target} takes {', '.join(able)} here, and not {self.precision}: choose "
                "another precision, or export to openvino or onnx"
            )
        if self.weights_only and self.precision != "int8":
            raise InputError(
                f"weights alone are chosen of int8, and the precision is {self.precision}: leave "
                "--weights-only out"
            )
        missing = [name for name in self.packages if find_spec(name) is None]
        if missing:
            raise InputError(
                f"an export to {self.target} in {self.precision} needs {', '.join(missing)}: pip "
                "install 'vitrail[export]'"
            )

    @property
    def packages(self) -> tuple[str, ...]:
        """What must be installed for it."""
        compresses = self.target == "openvino" and self.precision in ("int8", "int4")
        return (*_ALWAYS[self.target], *(("nncf",) if compresses else ()))

    @property
    def calibrates(self) -> bool:
        """Whether it looks at images to choose steps, and which layers stay in floating point."""
        full = self.precision == "int8" and not self.weights_only
        return self.target in ("openvino", "onnx") and full

    @property
    def can_be_measured(self) -> bool:
        """Whether its vectors can be made on this machine."""
        return self.target != "coreml"


def _one_of(what: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise InputError(f"{what} {given!r} is unknown: use one of {', '.join(known)}")
