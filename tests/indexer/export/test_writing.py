"""Each target and precision, of a tiny checkpoint, held against torch."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.indexer.encoders.tiny import LABELS, cosine, pixels, save_classifier
from vitrail.indexer.encoders import EncoderSettings, load_encoder
from vitrail.indexer.encoders.base import Encoded
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
from vitrail.indexer.export.plan import ExportPlan
from vitrail.indexer.export.writing import Int8Steps, Written, write_export

SPACES = ("cls@3", "gem@2")
LEAST = {"fp32": 0.999999, "fp16": 0.9999, "bf16": 0.999, "int8": 0.999, "int4": 0.95}
pytestmark = pytest.mark.usefixtures("compile_here")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("source")
    save_classifier("vit", folder)
    return str(folder)


@pytest.fixture(scope="module")
def expected(source: str) -> Encoded:
    settings = EncoderSettings(source, SPACES, "torch", "cpu", "fp32", classify=True)
    return load_encoder(settings).encode(pixels(5))


def written(
    source: str, folder: Path, plan: ExportPlan, calibration: Int8Steps | None = None
) -> Written:
    found = find_encoder_checkpoint(source)
    folder.mkdir()
    return write_export(found, found.select(SPACES), plan, folder, calibration)


def hold(made: Written, folder: Path, expected: Encoded, least: float) -> None:
    """Hold the encoder of a folder, in batches of any size, against what is expected."""
    assert made.encoder is not None
    for first in range(5):
        batch = pixels(5)[first:]
        found = made.encoder.encode(batch)
        assert [*found.vectors] == [*SPACES]
        for name, rows in found.vectors.items():
            assert rows.dtype == np.float32
            assert cosine(rows, expected.vectors[name][first:]) > least
    assert made.encoder.labels == LABELS
    told = json.loads((folder / "vitrail-export.json").read_text())
    assert made.size == sum((folder / name).stat().st_size for name in told["files"])


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8", "int4"])
def test_openvino(precision: str, source: str, expected: Encoded, tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    plan = ExportPlan("openvino", precision, weights_only=precision == "int8")
    made = written(source, tmp_path / "out", plan)
    hold(made, tmp_path / "out", expected, LEAST[precision])
    if precision == "fp32":  # as any other process loads it, a space of it alone
        settings = EncoderSettings(str(tmp_path / "out"), ("gem@2",))
        assert [*load_encoder(settings).encode(pixels(2)).vectors] == ["gem@2"]


def test_full_int8_looks_at_images_and_leaves_what_is_chosen(
    source: str, expected: Encoded, tmp_path: Path
) -> None:
    pytest.importorskip("nncf")
    from vitrail.indexer.export import openvino_models as models

    seen: list[int] = []
    left: list[list[str]] = []

    def reverting(model: object) -> tuple[str, ...]:
        groups = models.quantised_groups(model)
        wanted = tuple(one for one in groups if one.startswith("blocks.1."))
        left.append(models.quantised_groups(models.reverted(model, wanted)))
        assert groups == models.quantised_groups(model), "the model itself stays"
        return wanted

    calibration = Int8Steps(pixels(6), seen.append, reverting)
    plan = ExportPlan("openvino", "int8")
    made = written(source, tmp_path / "out", plan, calibration)
    assert {*seen} == {*range(6)}
    assert made.reverted == ("blocks.1.attention", "blocks.1.mlp")
    assert {"blocks.0.attention", "blocks.2.mlp"} <= {*left[0]}
    assert not {*made.reverted} & {*left[0]}
    hold(made, tmp_path / "out", expected, LEAST["int8"])


@pytest.fixture(scope="module")
def onnx_fp32(source: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Written, Path]:
    if find_spec("onnxscript") is None or find_spec("onnxruntime") is None:
        pytest.skip("the packages of vitrail[onnx] are not here")
    folder = tmp_path_factory.mktemp("onnx") / "out"
    return written(source, folder, ExportPlan("onnx", "fp32")), folder


def test_onnx(onnx_fp32: tuple[Written, Path], expected: Encoded) -> None:
    made, folder = onnx_fp32
    hold(made, folder, expected, LEAST["fp32"])
    assert made.encoder is not None
    logits = made.encoder.encode(pixels(5)).logits
    assert logits is not None
    assert expected.logits is not None
    np.testing.assert_allclose(logits, expected.logits, atol=1e-4)


@pytest.mark.parametrize("precision", ["fp16", "bf16", "int8", "int8 weights", "int4"])
def test_onnx_in_fewer_bits(
    precision: str, onnx_fp32: tuple[Written, Path], expected: Encoded, tmp_path: Path
) -> None:
    from vitrail.indexer.encoders.onnx_runtime import OnnxGraph
    from vitrail.indexer.export import onnx_models as models

    plain, small = onnx_fp32[1] / models.FILE, tmp_path / models.FILE
    if precision in ("fp16", "bf16"):
        models.store_in_half(plain, small, precision)
    elif precision == "int8":
        models.store_in_int8(plain, small)
    else:
        models.store_in_blocks(plain, small, 4 if precision == "int4" else 8)
    found = OnnxGraph(small, "auto", precision).run(pixels(5))
    assert cosine(found[0], expected.vectors["cls@3"]) > LEAST[precision[:4]]
    assert small.stat().st_size < plain.stat().st_size


def test_tensorrt_is_an_onnx_file_and_the_command_that_builds_an_engine(
    source: str, expected: Encoded, tmp_path: Path
) -> None:
    if find_spec("onnxscript") is None or find_spec("onnxruntime") is None:
        pytest.skip("the packages of vitrail[onnx] are not here")
    made = written(source, tmp_path / "out", ExportPlan("tensorrt", "fp16"))
    hold(made, tmp_path / "out", expected, LEAST["fp32"])
    text = (tmp_path / "out" / "tensorrt.txt").read_text()
    assert (
        "trtexec --onnx=model.onnx --saveEngine=model.engine --minShapes=pixels:1x32x32x3 "
        "--optShapes=pixels:8x32x32x3 --maxShapes=pixels:32x32x32x3 --fp16"
    ) in text
    assert "'trt_fp16_enable': True" in text


def test_torch_export(source: str, expected: Encoded, tmp_path: Path) -> None:
    made = written(source, tmp_path / "out", ExportPlan("torch-export", "fp32"))
    hold(made, tmp_path / "out", expected, LEAST["fp32"])
    assert (tmp_path / "out" / "model.pt2").is_file()


@pytest.mark.parametrize(
    "precision",
    ["int8", *(pytest.param(one, marks=pytest.mark.slow) for one in ("fp32", "fp16", "int4"))],
)
def test_coreml_takes_an_image_and_names_its_outputs(
    precision: str, source: str, tmp_path: Path
) -> None:
    coremltools = pytest.importorskip("coremltools")
    made = written(source, tmp_path / "out", ExportPlan("coreml", precision))
    assert made.encoder is None, "Apple's systems alone can run it"
    package = tmp_path / "out" / "model.mlpackage"
    described = coremltools.models.MLModel(str(package), skip_model_load=True).get_spec()
    (image,) = described.description.input
    size = image.type.imageType
    assert (image.name, size.width, size.height) == ("image", 32, 32)
    assert [one.name for one in described.description.output] == ["cls_3", "gem_2", "logits"]
