"""What can be exported to what, and what is said where it cannot."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from vitrail.indexer.errors import InputError
from vitrail.indexer.export import plan as plans
from vitrail.indexer.export.plan import ExportPlan


@pytest.fixture(autouse=True)
def _all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "find_spec", lambda _: True)


@pytest.mark.parametrize(
    ("target", "precision", "weights_only", "told"),
    [
        ("tflite", "int8", False, "target 'tflite' is unknown: use one of openvino, onnx"),
        ("onnx", "int2", False, "precision 'int2' is unknown: use one of fp32, fp16"),
        ("torch-export", "int8", False, "takes fp32, fp16, bf16 here, and not int8"),
        ("coreml", "bf16", False, "takes fp32, fp16, int8, int4 here, and not bf16"),
        ("tensorrt", "int4", False, "export to openvino or onnx"),
        ("openvino", "int4", True, "leave --weights-only out"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(
    target: str, precision: str, weights_only: bool, told: str
) -> None:
    with pytest.raises(InputError) as caught:
        ExportPlan(target, precision, weights_only)
    assert told in str(caught.value)


def test_only_full_int8_calibrates() -> None:
    assert ExportPlan("openvino", "int8").calibrates
    assert not ExportPlan("openvino", "int8", weights_only=True).calibrates
    assert not ExportPlan("openvino", "int4").calibrates
    assert ExportPlan("onnx", "int8").calibrates
    assert not ExportPlan("onnx", "int8", weights_only=True).calibrates


def test_missing_packages_are_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "find_spec", lambda name: None if name == "nncf" else True)
    ExportPlan("openvino", "bf16")
    with pytest.raises(InputError, match=r"needs nncf: pip install 'vitrail\[export\]'"):
        ExportPlan("openvino", "int4")
    assert find_spec("vitrail") is not None
