"""What the readers of other frameworks' files do with the rarer parts of the formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import msgpack
import numpy as np
import pytest
from numpy.typing import NDArray

from vitrail.indexer.encoders.foreign.flax_files import read_flax
from vitrail.indexer.encoders.foreign.keras_files import read_keras
from vitrail.indexer.errors import CheckpointError


def packed(array: NDArray[Any]) -> msgpack.ExtType:
    """As flax.serialization packs an array."""
    inner = (array.shape, array.dtype.name, array.tobytes("C"))
    return msgpack.ExtType(1, msgpack.packb(inner, use_bin_type=True))


def write_flax(path: Path, tree: dict[str, Any]) -> Path:
    path.write_bytes(msgpack.packb(tree, strict_types=True))
    return path


def test_large_arrays_in_parts_are_joined(tmp_path: Path) -> None:
    """As flax.serialization parts those of more than 2^30 bytes."""
    whole = np.arange(12, dtype=np.float32).reshape(3, 4)
    parts = {
        "__msgpack_chunked_array__": True,
        "shape": {"0": 3, "1": 4},
        "chunks": {"0": packed(whole.ravel()[:5]), "1": packed(whole.ravel()[5:])},
    }
    found = read_flax([write_flax(tmp_path / "x.msgpack", {"a": {"kernel": parts}})])
    np.testing.assert_array_equal(found["a.kernel"], whole)
    parts["shape"] = {"0": 3, "1": 5}
    with pytest.raises(CheckpointError, match=r"a\.kernel is stored in parts that do not fit"):
        read_flax([write_flax(tmp_path / "x.msgpack", {"a": {"kernel": parts}})])


@pytest.mark.parametrize("kind", [np.float16, np.float64, ml_dtypes.bfloat16])
def test_every_precision_becomes_float32(kind: Any, tmp_path: Path) -> None:
    array = np.array([0.5, -1.25, 3.0]).astype(kind)
    found = read_flax([write_flax(tmp_path / "x.msgpack", {"params": {"bias": packed(array)}})])
    assert found["bias"].dtype == np.float32
    np.testing.assert_array_equal(found["bias"], [0.5, -1.25, 3.0])


def test_shards_are_read_together(tmp_path: Path) -> None:
    array = np.ones(2, np.float32)
    files = [
        write_flax(tmp_path / f"{name}.msgpack", {name: {"bias": packed(array)}}) for name in "ab"
    ]
    assert set(read_flax(files)) == {"a.bias", "b.bias"}


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ({}, "holds no tree of weights"),
        ({"a": "text"}, "has a as <U4"),
        ({"a": msgpack.ExtType(9, b"")}, "extension type 9"),
        ({"a": msgpack.ExtType(2, b"")}, "complex number"),
        ({"a": msgpack.ExtType(1, msgpack.packb(((1,), "object", b"12345678")))}, "objects among"),
        ({"a": msgpack.ExtType(1, msgpack.packb(((9,), "float32", b"1234")))}, "broken off"),
    ],
)
def test_what_is_no_weight_is_told(tree: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=told) as caught:
        read_flax([write_flax(tmp_path / "x.msgpack", tree)])
    assert "\n" not in str(caught.value)


def write_keras(path: Path, *, parted: bool = False) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"vit"]
        names = ["tf_vi_t_model/vit/a/layer_._0/bias:0", "tf_vi_t_model/vit/b/kernel:0"]
        layer = file.create_group("vit")
        if parted:
            layer.attrs["weight_names0"] = [names[0].encode()]
            layer.attrs["weight_names1"] = [names[1].encode()]
        else:
            layer.attrs["weight_names"] = names
        layer[names[0]] = np.array([1.0, 2.0], np.float32)
        layer[names[1]] = np.eye(2, dtype=np.float32)
    return path


@pytest.mark.parametrize("parted", [False, True])
def test_lists_of_names_may_be_parted(parted: bool, tmp_path: Path) -> None:
    found = read_keras([write_keras(tmp_path / "x.h5", parted=parted)])
    assert set(found) == {"vit.a.layer.0.bias", "vit.b.kernel"}


def test_weights_in_other_files_are_not_followed(tmp_path: Path) -> None:
    path, other = write_keras(tmp_path / "x.h5"), write_keras(tmp_path / "other.h5")
    name = "tf_vi_t_model/vit/b/kernel:0"
    with h5py.File(path, "a") as file:
        del file["vit"][name]
        file["vit"][name] = h5py.ExternalLink(str(other), f"vit/{name}")
    with pytest.raises(CheckpointError, match="in another file, which is not followed"):
        read_keras([path])
    with h5py.File(path, "a") as file:
        del file["vit"][name]
        raw = tmp_path / "secret"
        raw.write_bytes(b"12345678")
        file["vit"].create_dataset(name, (2,), np.float32, external=[(str(raw), 0, 8)])
    with pytest.raises(CheckpointError, match="in another file, which is not followed"):
        read_keras([path])


def test_a_missing_weight_and_a_whole_model_are_told(tmp_path: Path) -> None:
    path = write_keras(tmp_path / "x.h5")
    with h5py.File(path, "a") as file:
        del file["vit"]["tf_vi_t_model/vit/b/kernel:0"]
    with pytest.raises(CheckpointError, match="lacks tf_vi_t_model/vit/b/kernel:0"):
        read_keras([path])
    with h5py.File(path, "a") as file:
        del file.attrs["layer_names"]
    with pytest.raises(CheckpointError, match="has no layer_names"):
        read_keras([path])
