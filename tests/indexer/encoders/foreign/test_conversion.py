"""Genuine files of other frameworks, converted, against what their own framework makes of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import msgpack
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file

from tests.indexer.encoders.tiny import save_tower
from vitrail.indexer.encoders import EncoderSettings, load_encoder, read_fingerprint, read_labels
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
from vitrail.indexer.encoders.converted import WEIGHTS
from vitrail.indexer.encoders.foreign import conversion, google_layout, tree_layout
from vitrail.indexer.encoders.torch_encoder import load_model
from vitrail.indexer.errors import CacheError, CheckpointError
from vitrail.indexer.files.durability import checksum

FILES = Path(__file__).parent / "files"
GENUINE = sorted(folder.name for folder in FILES.iterdir())


@pytest.fixture(autouse=True)
def _fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[str], Path]:
    """A genuine checkpoint that may be spoiled."""

    def copy(name: str) -> Path:
        folder = tmp_path / name
        shutil.copytree(FILES / name, folder)
        (folder / "truth.npz").unlink()
        return folder

    return copy


def kept(tmp_path: Path) -> list[str]:
    """What is in the cache of conversions."""
    folder = tmp_path / "cache" / "checkpoints"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


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


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"num_hidden_layers": 3}, r"lacks encoder\.layer\.2\.layernorm_before\.scale"),
        ({"num_hidden_layers": 1}, r"has encoder\.layer\.1\..* among its weights \(16 of that"),
        ({"hidden_size": 32}, r"kernel of the shape \(8, 8, 3, 16\), and its config means"),
        ({"image_size": 24}, r"position_embeddings of the shape \(1, 5, 16\)"),
        ({"hidden_act": "mish"}, r"the activation 'mish'.*knows gelu"),
        ({"model_type": "siglip_vision_model"}, r"SigLIP checkpoint in flax_model\.msgpack"),
    ],
)
def test_weights_that_are_not_the_configs_are_told(
    changes: dict[str, object], told: str, copied: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = copied("flax-vit")
    edit(folder / "config.json", **changes)
    with pytest.raises(CheckpointError, match=told) as caught:
        find_encoder_checkpoint(str(folder))
    assert "\n" not in str(caught.value)
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"num_hidden_layers": 3}, r"lacks vit\.encoder\.layer\.2\."),
        ({"num_hidden_layers": 1}, r"has encoder\.layer\.1\..* among its weights"),
        ({"intermediate_size": 8}, r"does not fit its config: layers\.0\.mlp\.fc1\."),
    ],
)
def test_keras_weights_that_are_not_the_configs_are_told(
    changes: dict[str, object], told: str, copied: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = copied("keras-vit")
    edit(folder / "config.json", **changes)
    with pytest.raises(CheckpointError, match=told) as caught:
        find_encoder_checkpoint(str(folder))
    assert "\n" not in str(caught.value)
    assert kept(tmp_path) == []


@pytest.mark.parametrize("name", ["flax-vit", "keras-vit", "google-linen"])
def test_weights_of_another_architecture_name_what_they_lack(
    name: str, copied: Callable[[str], Path], tmp_path: Path
) -> None:
    """As of a ResNet that lies where the ViT was."""
    folder, kernel = copied(name), np.ones((3, 3), np.float32)
    file = next(path for path in folder.iterdir() if path.suffix != ".json")
    if file.suffix == ".msgpack":
        inner = msgpack.ExtType(1, msgpack.packb(((3, 3), "float32", kernel.tobytes())))
        file.write_bytes(msgpack.packb({"stem": {"conv": {"kernel": inner}}}, strict_types=True))
    elif file.suffix == ".h5":
        with h5py.File(file, "w") as opened:
            opened.attrs["layer_names"] = [b"resnet"]
            layer = opened.create_group("resnet")
            layer.attrs["weight_names"] = [b"tf_res_net_model/resnet/stem/kernel:0"]
            layer["tf_res_net_model/resnet/stem/kernel:0"] = kernel
    else:
        arrays: dict[str, Any] = {"stem/kernel": kernel}
        np.savez(file, **arrays)
    with pytest.raises(CheckpointError, match=rf"{file.name} lacks \S*embedding") as caught:
        find_encoder_checkpoint(str(folder))
    assert "\n" not in str(caught.value)
    assert kept(tmp_path) == []


@pytest.mark.parametrize("name", ["flax-vit", "keras-vit", "google-linen"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_file_that_is_broken_off_is_told(
    name: str, share: float, copied: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = copied(name)
    file = next(path for path in folder.iterdir() if path.suffix != ".json")
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CheckpointError, match=rf"{file.name} is .*(download|get)") as caught:
        find_encoder_checkpoint(str(folder))
    assert "\n" not in str(caught.value)
    assert kept(tmp_path) == []


@pytest.mark.parametrize("file", ["flax_model.msgpack", "tf_model.h5", "model.npz"])
@pytest.mark.parametrize("content", [b"<!doctype html><p>404", b"version https://git-lfs.github"])
def test_something_else_under_such_a_name_is_told(
    file: str, content: bytes, tmp_path: Path
) -> None:
    save_tower("vit", tmp_path)
    (tmp_path / WEIGHTS).unlink()
    (tmp_path / file).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"but (a web page|a pointer of Git LFS)"):
        find_encoder_checkpoint(str(tmp_path))


def test_several_files_of_a_kind_are_not_guessed_among(copied: Callable[[str], Path]) -> None:
    folder = copied("google-linen")
    (folder / "model.npz").rename(folder / "a.npz")
    shutil.copyfile(folder / "a.npz", folder / "b.npz")
    with pytest.raises(CheckpointError, match=r"several weight files \(a\.npz, b\.npz\)"):
        find_encoder_checkpoint(str(folder))


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


def test_numbers_that_are_no_weights_are_refused(copied: Callable[[str], Path]) -> None:
    folder = copied("google-linen")
    with np.load(folder / "model.npz") as archive:
        arrays: dict[str, Any] = {name: archive[name] for name in archive.files}
    arrays["cls"] = arrays["cls"].astype(np.int8)
    np.savez(folder / "model.npz", **arrays)
    with pytest.raises(CheckpointError, match="has cls as int8, and weights are floating-point"):
        find_encoder_checkpoint(str(folder))


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"cls"}, "lacks cls, the class token"),
        ({"embedding/kernel"}, "lacks embedding/kernel, so it is no ViT of Google's"),
        ({"Transformer/encoder_norm/scale"}, "lacks Transformer/encoder_norm/scale"),
        ({"Transformer/encoderblock_1/MlpBlock_3/Dense_1/kernel"}, "lacks .*Dense_1/kernel"),
    ],
)
def test_an_archive_names_what_it_lacks(
    names: set[str], told: str, copied: Callable[[str], Path]
) -> None:
    folder = copied("google-linen")
    with np.load(folder / "model.npz") as archive:
        arrays: dict[str, Any] = {
            name: archive[name] for name in archive.files if name not in names
        }
    np.savez(folder / "model.npz", **arrays)
    with pytest.raises(CheckpointError, match=told):
        find_encoder_checkpoint(str(folder))


def test_an_archive_with_objects_runs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "model.npz"
    objects: dict[str, Any] = {"embedding/kernel": np.array([print], dtype=object)}
    np.savez(file, **objects)
    with pytest.raises(CheckpointError, match="no NumPy archive of plain arrays"):
        find_encoder_checkpoint(str(file))


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
