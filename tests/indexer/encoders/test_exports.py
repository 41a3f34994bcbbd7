"""Exports on disk: certified ones stand for their source, others for themselves alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.indexer.encoders.tiny import pixels, save_classifier
from vitrail.indexer.encoders import EncoderSettings, load_encoder, read_fingerprint
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
from vitrail.indexer.encoders.exports import (
    CERTIFICATE,
    FORMAT,
    LOGITS,
    MANIFEST,
    certificate_checksum,
    files_digest,
)
from vitrail.indexer.errors import CheckpointError, InputError
from vitrail.indexer.files.durability import checksum
from vitrail.indexer.fingerprint import Fingerprint

SPACES = ("cls@3", "gem@2")
Told = dict[str, object]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    save_classifier("vit", folder)
    return folder


@pytest.fixture
def export(source: Path, tmp_path: Path) -> Path:
    """What an export is on disk, with a model that nothing runs."""
    folder = tmp_path / "export"
    folder.mkdir()
    for name in ("config.json", "preprocessor_config.json"):
        shutil.copyfile(source / name, folder / name)
    (folder / "model.onnx").write_bytes(b"a graph")
    own = read_fingerprint(str(source), SPACES)
    files = {"model.onnx": checksum(folder / "model.onnx")}
    told = {
        "format": FORMAT,
        "target": "onnx",
        "precision": "int8",
        "files": files,
        "outputs": [*SPACES, LOGITS],
        "source": json.loads(own.to_json()),
    }
    (folder / MANIFEST).write_text(json.dumps(told))
    made = {"target": "onnx", "precision": "int8"}
    certify(folder, {**made, "model": files_digest(files), "source": own.digest, "failed": []})
    return folder


def certify(folder: Path, told: Told) -> None:
    told = {"format": FORMAT, **told}
    told["checksum"] = certificate_checksum(told)
    (folder / CERTIFICATE).write_text(json.dumps(told))


def edit(path: Path, **changes: object) -> Told:
    told: Told = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps(told))
    return told


def own(folder: Path) -> Fingerprint:
    return read_fingerprint(str(folder), SPACES)


def test_a_certified_export_has_its_source_s_fingerprint_and_says_what_it_is(
    source: Path, export: Path
) -> None:
    told = own(export)
    assert told.agrees(own(source))
    assert own(source).agrees(told)
    assert told.variant is not None
    assert told.variant.startswith("int8 onnx export ")
    assert "certified int8 onnx export" in told.describe()
    assert Fingerprint.from_json(told.to_json()) == told
    assert own(source).variant is None


def forced(folder: Path) -> None:
    told = json.loads((folder / CERTIFICATE).read_text())
    certify(folder, told | {"failed": ["overlap of hits 0.2, below 0.95"], "forced": True})


def without(folder: Path) -> None:
    (folder / CERTIFICATE).unlink()


def edited(folder: Path) -> None:
    edit(folder / CERTIFICATE, images=3000)


def of_another_model(folder: Path) -> None:
    certify(folder, json.loads((folder / CERTIFICATE).read_text()) | {"model": "0" * 64})


def of_another_source(folder: Path) -> None:
    certify(folder, json.loads((folder / CERTIFICATE).read_text()) | {"source": "0" * 64})


def called_better(folder: Path) -> None:
    edit(folder / MANIFEST, precision="fp32")


def torn(folder: Path) -> None:
    (folder / CERTIFICATE).write_text("{")


def newer(folder: Path) -> None:
    certify(folder, json.loads((folder / CERTIFICATE).read_text()) | {"format": FORMAT + 1})


@pytest.mark.parametrize(
    "spoil",
    [forced, without, edited, of_another_model, of_another_source, called_better, torn, newer],
)
def test_what_no_certificate_vouches_for_stands_for_itself_alone(
    source: Path, export: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(export)
    told = own(export)
    assert not told.agrees(own(source))
    assert told.variant is None
    found = find_encoder_checkpoint(str(export))
    assert found.export is not None
    assert found.export.doubt
    assert f"an export that {found.export.doubt}" in own(source).difference(told)
    assert Fingerprint.from_json(told.to_json()) == told
    assert told.agrees(own(export)), "a collection of its own it may have"


def test_another_model_file_is_refused(export: Path) -> None:
    (export / "model.onnx").write_bytes(b"another graph")
    with pytest.raises(CheckpointError, match=r"another model\.onnx than it was exported with"):
        own(export)
    (export / "model.onnx").unlink()
    with pytest.raises(CheckpointError, match=r"lacks model\.onnx"):
        own(export)


@pytest.mark.parametrize(
    ("file", "changes", "told"),
    [
        ("preprocessor_config.json", {"image_mean": [0.5, 0.5, 0.5]}, "has the former built in"),
        ("config.json", {"hidden_act": "relu"}, "has the former built in"),
        (MANIFEST, {"format": 99}, "is an export of format 99, and this version reads 1"),
        (MANIFEST, {"outputs": ["cls@3"]}, "names no export of ours"),
        (MANIFEST, {"files": {"../model.onnx": "0" * 64}}, "names no export of ours"),
        (MANIFEST, {"files": ["model.onnx"]}, "does not tell what was exported"),
        (MANIFEST, {"target": "tflite"}, "names no export of ours"),
        (MANIFEST, {"source": {}}, "does not tell what was exported"),
    ],
)
def test_what_was_edited_is_refused_in_a_line(
    export: Path, file: str, changes: Told, told: str
) -> None:
    edit(export / file, **changes)
    with pytest.raises(CheckpointError) as caught:
        own(export)
    assert told in str(caught.value)


def test_only_the_spaces_of_the_graph_can_be_asked_for(export: Path) -> None:
    assert own(export).spaces == (("cls@3", 32), ("gem@2", 32))
    assert read_fingerprint(str(export), ["gem@2"]).spaces == (("gem@2", 32),)
    with pytest.raises(InputError, match="gives cls@3, gem@2, and not 'mean@1'"):
        read_fingerprint(str(export), ["mean@1"])


def test_another_runtime_is_refused_and_the_right_one_named(export: Path) -> None:
    with pytest.raises(InputError, match="use --runtime onnx or auto"):
        load_encoder(EncoderSettings(str(export), runtime="torch"))


@pytest.mark.parametrize("target", ["coreml", "torch-export"])
def test_what_other_programs_run_is_refused(export: Path, target: str) -> None:
    edit(export / MANIFEST, target=target)
    with pytest.raises(CheckpointError, match=f"is an export to {target}, which other programs"):
        load_encoder(EncoderSettings(str(export)))


def test_a_file_that_is_no_graph_is_one_line(export: Path) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(CheckpointError, match="cannot be run by ONNX Runtime") as caught:
        load_encoder(EncoderSettings(str(export))).encode(pixels())
    assert len(str(caught.value).splitlines()) == 1


def test_texts_are_asked_of_the_source(export: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no text tower: ask by texts with"):
        find_encoder_checkpoint(str(export)).text_family()
