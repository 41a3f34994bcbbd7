"""Each target and precision, of a tiny checkpoint, held against torch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.indexer.encoders.tiny import LABELS, cosine, pixels, save_classifier, save_pair
from vitrail.indexer.encoders import EncoderSettings, load_encoder
from vitrail.indexer.encoders.base import Encoded
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
from vitrail.indexer.encoders.torch_encoder import build_tower
from vitrail.indexer.export.int8 import CalibrationImages, Int8Model
from vitrail.indexer.export.plan import ExportPlan
from vitrail.indexer.export.writing import Written, quantised_tower, write_export

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
    source: str,
    folder: Path,
    plan: ExportPlan,
    int8: Int8Model | None = None,
    reverted: tuple[str, ...] = (),
) -> Written:
    found = find_encoder_checkpoint(source)
    folder.mkdir()
    return write_export(found, found.select(SPACES), plan, folder, int8, reverted)


def in_int8(source: str, target: str, calibration: CalibrationImages) -> Int8Model:
    found = find_encoder_checkpoint(source)
    return quantised_tower(found, found.select(SPACES), ExportPlan(target, "int8"), calibration)


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


@pytest.mark.parametrize("target", ["openvino", "onnx"])
def test_full_int8_looks_at_images_and_leaves_what_is_chosen(
    target: str, source: str, expected: Encoded, tmp_path: Path
) -> None:
    pytest.importorskip("nncf")
    pytest.importorskip("onnxscript")
    seen: list[int] = []
    int8 = in_int8(source, target, CalibrationImages(pixels(6), seen.append))
    assert {*seen} == {*range(6)}
    blocks = [f"blocks.{n}.{part}" for n in range(3) for part in ("attention", "mlp")]
    assert [one for one in int8.groups if one.startswith("blocks.")] == blocks

    def rows(reverted: Sequence[str]) -> NDArray[np.float32]:
        """The first space's vectors."""
        return int8.graph(reverted).run(pixels(5))[0]

    before = rows(())
    some = ("blocks.1.attention", "blocks.1.mlp")
    made = written(source, tmp_path / "out", ExportPlan(target, "int8"), int8, some)
    assert made.reverted == some
    hold(made, tmp_path / "out", expected, LEAST["int8"])
    for name, reverted in (("whole", ()), ("head", ("head",)), ("float", int8.groups)):
        (tmp_path / name).mkdir()
        int8.save(tmp_path / name, reverted)
        assert 1 - cosine(rows(reverted), expected.vectors["cls@3"]) < 1 - LEAST["int8"]
    # how far either lies from the source is no measure of it: that differs by processor
    none, kept, whole = (in_8_bits(tmp_path / name, target) for name in ("float", "out", "whole"))
    assert 0 == none < kept < whole
    assert in_8_bits(tmp_path / "head", target) == whole - 1
    assert (rows(int8.groups) != before).any()
    np.testing.assert_array_equal(rows(()), before, "the model itself stays")


@pytest.mark.parametrize("target", ["openvino", "onnx"])
def test_all_of_a_tower_with_pooling_attention_goes_back_to_floating_point(
    target: str, tmp_path: Path
) -> None:
    """SigLIP's embedding: numbers are put into steps before some are selected."""
    pytest.importorskip("nncf")
    pytest.importorskip("onnxscript")
    save_pair("siglip", tmp_path / "source")
    found = find_encoder_checkpoint(str(tmp_path / "source"))
    plan, spaces = ExportPlan(target, "int8"), found.select(("proj@3",))
    int8 = quantised_tower(found, spaces, plan, CalibrationImages(pixels(6)))
    assert int8.groups[-1] == "projection"
    for name, reverted in (("whole", ()), ("float", int8.groups)):
        (tmp_path / name).mkdir()
        int8.save(tmp_path / name, reverted)
    assert 0 == in_8_bits(tmp_path / "float", target) < in_8_bits(tmp_path / "whole", target)
    settings = EncoderSettings(str(tmp_path / "source"), ("proj@3",), "torch", "cpu", "fp32")
    (want,) = load_encoder(settings).encode(pixels(5)).vectors.values()
    assert cosine(int8.graph(int8.groups).run(pixels(5))[0], want) > LEAST["int8"]


def in_8_bits(folder: Path, target: str) -> int:
    """How many layers of a written file are given numbers in 8 bits."""
    if target == "openvino":
        import openvino

        ops = openvino.Core().read_model(folder / "model.xml").get_ordered_ops()
        return sum(op.get_type_name() == "FakeQuantize" for op in ops)
    import onnx

    nodes = onnx.load(str(folder / "model.onnx")).graph.node
    return sum(node.op_type == "MatMulInteger" for node in nodes)


SHARED = """
    g (uint8[n, 4] pixels) => (float[n, 4] out)
    <float[4] one = {1, 1, 1, 1}, float[4] own = {1, 2, 1, 1},
     float[4, 4] a = {9, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1},
     float[4, 4] b = {1, 0, 0, 0, 0, 9, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1},
     float[4, 4] c = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 9, 0, 0, 0, 0, 1}> {
        x = Cast <to = 1> (pixels)
        n1 = LayerNormalization (x, one)
        y1 = MatMul (n1, a)
        n2 = LayerNormalization (y1, one)
        y2 = MatMul (n2, b)
        n3 = LayerNormalization (y2, own)
        out = MatMul (n3, c)
    }
"""
"""The exporter stores equal weights once: dividing them for one reader would spoil the other."""
GIVEN = """
    g (uint8[n, 4] pixels) => (float[n, 4] n1)
    <float[4] one = {1, 1, 1, 1}, float[4] own = {1, 2, 1, 1},
     float[4, 4] a = {9, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1},
     float[4, 4] b = {1, 0, 0, 0, 0, 9, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}> {
        x = Cast <to = 1> (pixels)
        n1 = LayerNormalization (x, one)
        y1 = MatMul (n1, a)
        n2 = LayerNormalization (y1, own)
        y2 = MatMul (n2, b)
    }
"""
"""A normalisation that is an output too: nobody multiplies it back."""


@pytest.mark.parametrize(
    ("text", "changed"), [(SHARED, {"own", "c"}), (GIVEN, {"own", "b"})], ids=["shared", "given"]
)
def test_weights_that_others_read_too_are_left_alone(text: str, changed: set[str]) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from vitrail.indexer.export.onnx_int8 import smooth

    model = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : 23]> {text}')
    before = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    images = np.random.default_rng(0).integers(0, 256, (20, 4), dtype=np.uint8)
    want = outputs_of(model, images)
    smooth(model, CalibrationImages(images))
    after = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    assert {name for name in before if (before[name] != after[name]).any()} == changed
    np.testing.assert_allclose(outputs_of(model, images), want, rtol=1e-4, atol=1e-5)


def outputs_of(model: Any, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    import onnxruntime

    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(None, {"pixels": images})
    return np.asarray(found)


def test_columns_that_stick_out_cost_an_onnx_export_nothing(
    source: str, expected: Encoded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in trained transformers, where a few columns of normalised tokens are far wider."""
    pytest.importorskip("onnxscript")
    from vitrail.indexer.export import onnx_int8

    found = find_encoder_checkpoint(source)
    spaces = found.select(SPACES)
    tower = build_tower(found, spaces, classify=False)
    for block in tower.blocks:
        attention: Any = block.attention
        norm: Any = block.layernorm_before
        with torch.no_grad():
            for numbers in norm.parameters():
                numbers[0] *= 100
            for layer in (attention.q_proj, attention.k_proj, attention.v_proj):
                layer.weight[:, 0] /= 100

    def off() -> float:
        made = onnx_int8.OnnxInt8(tower, [*SPACES], found.image_size, CalibrationImages(pixels(6)))
        return 1 - cosine(made.graph(()).run(pixels(5))[0], expected.vectors["cls@3"])

    narrowed = off()
    monkeypatch.setattr(onnx_int8, "smooth", lambda *_: None)
    assert narrowed < off() / 3


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


@pytest.mark.parametrize("precision", ["fp16", "bf16", "int8", "int4"])
def test_onnx_in_fewer_bits(
    precision: str, onnx_fp32: tuple[Written, Path], expected: Encoded, tmp_path: Path
) -> None:
    from vitrail.indexer.encoders.onnx_runtime import OnnxGraph
    from vitrail.indexer.export import onnx_models as models

    plain, small = onnx_fp32[1] / models.FILE, tmp_path / models.FILE
    shutil.copyfile(plain, small)
    models.shrink(small, precision)
    found = OnnxGraph(small, "auto", precision).run(pixels(5))
    assert cosine(found[0], expected.vectors["cls@3"]) > LEAST[precision]
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
