"""What runs an encoder: the table, and why one of it is passed over."""

from __future__ import annotations

import platform
from dataclasses import replace

import pytest

from vitrail.indexer.encoders import EncoderSettings, runtimes
from vitrail.indexer.encoders.runtimes import RUNTIMES, Runtime, runtimes_for
from vitrail.indexer.errors import InputError


def names(**settings: str) -> list[str]:
    return [runtime.name for runtime in runtimes_for(EncoderSettings(**settings))]  # type: ignore[arg-type]


@pytest.fixture
def x86(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with every package and no CUDA device."""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(runtimes, "find_spec", lambda _: True)
    monkeypatch.setattr(runtimes, "_has_cuda", lambda: False)


@pytest.mark.usefixtures("x86")
def test_the_table_s_order_is_the_one_that_auto_tries() -> None:
    assert [*RUNTIMES] == ["openvino", "onnx", "torch"]
    assert names() == names(device="cpu") == ["openvino", "torch"]
    assert names(runtime="torch") == ["torch"]


@pytest.mark.usefixtures("x86")
def test_why_a_runtime_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    openvino = RUNTIMES["openvino"]
    assert openvino.passed_over("cpu") is None
    assert "cuda:1 was asked for" in str(openvino.passed_over("cuda:1"))
    assert names(device="cuda:1") == ["torch"]
    assert names(device="cuda", runtime="openvino") == ["openvino"], "it says so itself"
    monkeypatch.setattr(runtimes, "_has_cuda", lambda: True)
    assert "CUDA device" in str(openvino.passed_over("auto"))
    assert openvino.passed_over("cpu") is None
    assert names() == ["torch"]
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert "this is arm64" in str(openvino.passed_over("cpu"))
    assert names(device="cpu") == ["torch"]


@pytest.mark.usefixtures("x86")
def test_a_further_runtime_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    further = Runtime("further", "further", lambda _: None, RUNTIMES["torch"].encoders)
    monkeypatch.setitem(RUNTIMES, "further", further)
    assert names(runtime="further") == ["further"]
    with pytest.raises(
        InputError, match="'jax' is unknown: use auto, openvino, onnx, torch, further"
    ):
        names(runtime="jax")


def test_where_nothing_serves_each_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "find_spec", lambda name: None if name == "openvino" else True)
    refusing = replace(RUNTIMES["torch"], passed_over=lambda device: f"{device} is out of order")
    monkeypatch.setitem(RUNTIMES, "torch", refusing)
    with pytest.raises(InputError) as caught:
        names(device="cpu")
    said = str(caught.value)
    assert "openvino: runtime 'openvino' is not installed: pip install 'vitrail[openvino]'" in said
    assert "torch: cpu is out of order" in said
