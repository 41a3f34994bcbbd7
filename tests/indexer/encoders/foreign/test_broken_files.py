"""Files of other frameworks that are broken or something else: a line names what is amiss."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import msgpack
import numpy as np
import pytest

from tests.indexer.encoders.foreign.genuine import edit, kept
from tests.indexer.encoders.tiny import save_tower
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
from vitrail.indexer.encoders.converted import WEIGHTS
from vitrail.indexer.errors import CheckpointError


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
