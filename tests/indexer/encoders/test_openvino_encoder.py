from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.indexer.encoders.tiny import cosine, pixels, save_tower
from vitrail.indexer.encoders import EncoderSettings, load_encoder, runtimes
from vitrail.indexer.encoders.runtimes import RUNTIMES
from vitrail.indexer.errors import InputError, RuntimeUnusableError

pytest.importorskip("openvino")

QUERY = """
import sys
import numpy as np
from vitrail.indexer.encoders import EncoderSettings, load_encoder
encoder = load_encoder(EncoderSettings(sys.argv[1], runtime="openvino"))
encoder.encode(np.zeros((1, 32, 32, 3), np.uint8))
heavy = {"torch", "transformers", "onnx", "huggingface_hub", "safetensors", "pyarrow"}
print(sorted(heavy & set(sys.modules)))
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def checkpoint(tmp_path: Path) -> str:
    save_tower("vit", tmp_path / "vit")
    return str(tmp_path / "vit")


def test_a_query_imports_neither_torch_nor_transformers(checkpoint: str) -> None:
    load_encoder(
        EncoderSettings(checkpoint, runtime="openvino")
    )  # compiled in a subprocess, and kept
    command = [sys.executable, "-c", QUERY, checkpoint]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "[]"


@pytest.mark.usefixtures("compile_here")
def test_a_damaged_blob_is_built_again(checkpoint: str, tmp_path: Path) -> None:
    first = load_encoder(EncoderSettings(checkpoint, runtime="openvino")).encode(pixels()).vectors
    (blob,) = (tmp_path / "cache" / "openvino").glob("*.blob")
    blob.write_bytes(blob.read_bytes()[:500])
    again = load_encoder(EncoderSettings(checkpoint, runtime="openvino")).encode(pixels()).vectors
    assert cosine(first["cls@3"], again["cls@3"]) > 0.99999


@pytest.mark.usefixtures("compile_here")
def test_each_choice_has_its_own_blob(checkpoint: str, tmp_path: Path) -> None:
    load_encoder(EncoderSettings(checkpoint, runtime="openvino"))
    load_encoder(EncoderSettings(checkpoint, runtime="openvino"))
    load_encoder(EncoderSettings(checkpoint, runtime="openvino", spaces=("mean@1",)))
    assert len(list((tmp_path / "cache" / "openvino").glob("*.blob"))) == 2


def test_a_crash_while_compiling_is_remembered_and_torch_serves(
    checkpoint: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runs = []

    def crash(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        runs.append(command)
        return subprocess.CompletedProcess(command, -11, "", "")

    monkeypatch.setattr(subprocess, "run", crash)
    serving = replace(RUNTIMES["openvino"], passed_over=lambda device: None)
    monkeypatch.setitem(RUNTIMES, "openvino", serving)
    with caplog.at_level(logging.WARNING):
        assert load_encoder(EncoderSettings(checkpoint)).runtime.startswith("torch")
        assert load_encoder(EncoderSettings(checkpoint)).runtime.startswith("torch")
    assert len(runs) == 1
    assert "exit status -11" in caplog.text
    with pytest.raises(RuntimeUnusableError, match="--runtime torch"):
        load_encoder(EncoderSettings(checkpoint, runtime="openvino"))


def test_missing_openvino_names_the_command(
    checkpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        runtimes, "find_spec", lambda name: None if name == "openvino" else find_spec(name)
    )
    with pytest.raises(InputError, match=r"pip install 'vitrail\[openvino\]'"):
        load_encoder(EncoderSettings(checkpoint, runtime="openvino"))
    assert load_encoder(EncoderSettings(checkpoint)).runtime.startswith("torch")


def test_devices_and_precisions_are_checked(checkpoint: str) -> None:
    with pytest.raises(InputError, match="runs on the CPU"):
        load_encoder(EncoderSettings(checkpoint, runtime="openvino", device="cuda"))
    with pytest.raises(InputError, match="unknown"):
        load_encoder(EncoderSettings(checkpoint, runtime="openvino", precision="int3"))
    with pytest.raises(InputError, match="runtime"):
        load_encoder(EncoderSettings(checkpoint, runtime="jax"))
