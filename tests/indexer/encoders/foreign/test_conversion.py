"""Genuine files of other frameworks, converted, against what their own framework makes of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file

from tests.indexer.encoders.foreign.genuine import FILES, edit, kept
from vitrail.indexer.encoders import EncoderSettings, load_encoder, read_fingerprint, read_labels
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
from vitrail.indexer.encoders.converted import WEIGHTS
from vitrail.indexer.encoders.foreign import conversion, google_layout, tree_layout
from vitrail.indexer.encoders.torch_encoder import load_model
from vitrail.indexer.errors import CacheError, CheckpointError
from vitrail.indexer.files.durability import checksum

GENUINE = sorted(folder.name for folder in FILES.iterdir())


@pytest.mark.parametrize("name", GENUINE)
def test_a_conversion_computes_what_its_own_framework_does(name: str) -> None:
    found = find_encoder_checkpoint(str(FILES / name))
    truth = np.load(FILES / name / "truth.npz")
    headed = "logits" in truth
    architecture = found.architecture
    assert architecture is not None
    assert ("ImageClassification" in architecture) == headed
    model = load_model(found, architecture)
    body = model.get_submodule(found.family.body) if headed else model
    values = torch.from_numpy(truth["pixels"].transpose(0, 3, 1, 2).copy())
    with torch.inference_mode():
        tokens = body(values).last_hidden_state.numpy()
        np.testing.assert_allclose(tokens, truth["tokens"], atol=1e-5, rtol=1e-5)
        if headed:
            logits = model(values).logits.numpy()
            np.testing.assert_allclose(logits, truth["logits"], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["flax-dinov2-head", "keras-vit", "google-linen"])
def test_it_serves_as_any_checkpoint_does(name: str) -> None:
    settings = EncoderSettings(str(FILES / name), spaces=("cls@2", "mean@1"), runtime="torch")
    encoder = load_encoder(settings)
    pixels = np.random.default_rng(1).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    assert encoder.encode(pixels).vectors["cls@2"].shape == (2, 16)
    assert encoder.fingerprint == read_fingerprint(settings.checkpoint, settings.spaces)
    if name != "keras-vit":
        assert read_labels(settings.checkpoint) == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_it_is_converted_once_and_tells_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = find_encoder_checkpoint(str(FILES / "flax-vit"))
    digest = checksum(FILES / "flax-vit" / "flax_model.msgpack")
    assert first.weights == digest
    with safe_open(first.directory / WEIGHTS, framework="np") as file:
        assert file.metadata() == {
            "format": "pt",
            "source": "flax_model.msgpack",
            "source_sha256": digest,
        }
    monkeypatch.setattr(conversion, "_opened", lambda *_: pytest.fail("converted again"))
    assert find_encoder_checkpoint(str(FILES / "flax-vit")) == first
    assert len(kept(tmp_path)) == 1


def test_a_damaged_conversion_is_made_again() -> None:
    weights = find_encoder_checkpoint(str(FILES / "flax-vit")).directory / WEIGHTS
    whole, expected = weights.read_bytes(), load_file(weights)
    weights.write_bytes(whole[:500])
    assert find_encoder_checkpoint(str(FILES / "flax-vit")).directory == weights.parent
    assert len(weights.read_bytes()) == len(whole)
    for name, array in load_file(weights).items():
        np.testing.assert_array_equal(array, expected[name])


def test_other_settings_beside_the_weights_are_not_overlooked(
    copied: Callable[[str], Path],
) -> None:
    folder = copied("flax-vit")
    before = read_fingerprint(str(folder))
    edit(folder / "preprocessor_config.json", image_mean=[0.1, 0.5, 0.6])
    after = read_fingerprint(str(folder))
    assert before.weights == after.weights
    assert before.digest != after.digest


def test_safetensors_are_preferred(copied: Callable[[str], Path], tmp_path: Path) -> None:
    folder = copied("flax-vit")
    converted = find_encoder_checkpoint(str(folder)).directory
    shutil.copyfile(converted / WEIGHTS, folder / WEIGHTS)
    assert find_encoder_checkpoint(str(folder)).directory == folder


def test_an_archive_of_googles_needs_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "ViT-B_16.npz"
    shutil.copyfile(FILES / "google-linen" / "model.npz", file)
    found = find_encoder_checkpoint(str(file))
    assert (found.depth, found.dim, found.image_size) == (2, 16, 16)
    assert found.config["hidden_act"] == "gelu_pytorch_tanh"
    assert found.preprocess.mean == (0.5, 0.5, 0.5)
    assert found.labels == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_names_of_classes_beside_an_archive_are_taken(copied: Callable[[str], Path]) -> None:
    folder = copied("google-linen")
    (folder / "config.json").write_text('{"id2label": {"0": "ant", "1": "bee", "2": "cow"}}')
    assert read_labels(str(folder)) == ("ant", "bee", "cow")


@pytest.mark.parametrize(
    "changed",
    ["query", "patches", "positions"],
)
@pytest.mark.parametrize("name", ["flax-vit", "keras-vit", "google-linen"])
def test_a_wrong_translation_is_caught_and_nothing_is_kept(
    name: str, changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind: type[Any] = (
        google_layout.GoogleModel if name.startswith("google") else tree_layout.TreeModel
    )
    right: Callable[[Any], dict[str, Any]] = kind.weights

    def wrong(model: Any) -> dict[str, Any]:
        weights = right(model)
        for key in list(weights):
            if changed == "query" and key.endswith("layer.1.attention.attention.query.weight"):
                weights[key] = np.ascontiguousarray(weights[key].T)
            if changed == "patches" and key.endswith("projection.weight"):
                weights[key] = np.ascontiguousarray(weights[key].transpose(0, 1, 3, 2))
            if changed == "positions" and key.endswith("position_embeddings"):
                weights[key] = np.ascontiguousarray(weights[key][:, ::-1])
        return weights

    monkeypatch.setattr(kind, "weights", wrong)
    with pytest.raises(CheckpointError, match="computes something else once it is converted"):
        find_encoder_checkpoint(str(FILES / name))
    assert kept(tmp_path) == []


def test_a_missing_package_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitrail.indexer.encoders.foreign.packages.find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match=r"msgpack, .*: pip install 'vitrail\[foreign\]'$"):
        find_encoder_checkpoint(str(FILES / "flax-vit"))


def test_a_full_disk_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    with pytest.raises(CacheError, match="No space left"):
        find_encoder_checkpoint(str(FILES / "flax-vit"))
    assert kept(tmp_path) == []


def test_half_precision_is_read_as_it_is(copied: Callable[[str], Path]) -> None:
    folder = copied("google-linen")
    with np.load(folder / "model.npz") as archive:
        halved: dict[str, Any] = {name: archive[name].astype(np.float16) for name in archive.files}
    np.savez(folder / "model.npz", **halved)
    weights = load_file(find_encoder_checkpoint(str(folder)).directory / WEIGHTS)
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(
        weights["vit.embeddings.cls_token"], halved["cls"].astype(np.float32)
    )


def test_a_head_behind_a_hidden_layer_is_left_out(copied: Callable[[str], Path]) -> None:
    folder = copied("google-linen")
    with np.load(folder / "model.npz") as archive:
        arrays: dict[str, Any] = {name: archive[name] for name in archive.files}
    arrays |= {
        "pre_logits/kernel": np.eye(16, dtype=np.float32),
        "pre_logits/bias": np.zeros(16, np.float32),
    }
    np.savez(folder / "model.npz", **arrays)
    found = find_encoder_checkpoint(str(folder))
    assert (found.architecture, found.labels) == ("ViTModel", ())
    weights = load_file(found.directory / WEIGHTS)
    assert "pooler.dense.weight" in weights
    assert not any(name.startswith("classifier") for name in weights)


def test_plain_transformers_loads_a_conversion() -> None:
    import transformers

    found = find_encoder_checkpoint(str(FILES / "keras-deit-head"))
    model, info = transformers.AutoModel.from_pretrained(found.directory, output_loading_info=True)
    assert type(model).__name__ == "DeiTModel"
    assert not [key for key in info["missing_keys"] if not key.startswith("pooler")]
