from __future__ import annotations

import json
import pickle
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save, save_file

from tests.indexer.encoders.tiny import DIM, pixels, save_tower
from vitrail.indexer.encoders import read_fingerprint
from vitrail.indexer.encoders.checkpoints import Checkpoint, find_checkpoint
from vitrail.indexer.encoders.torch_encoder import TorchEncoder
from vitrail.indexer.encoders.weights import listed_files, tensor_shapes, weight_files
from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.spaces import EmbeddingSpace

TENSORS = {"a": np.zeros((2, 3), np.float32), "b": np.zeros(5, np.float16)}
WHOLE = save(TENSORS)


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        tensor_shapes(path, "it")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_shapes_come_from_the_header_alone(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "a.safetensors", metadata={"format": "pt"})
    assert tensor_shapes(tmp_path / "a.safetensors", "it") == {"a": [2, 3], "b": [5]}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (pickle.dumps([1]), "a pickle, which can run code"),
        (b"PK\x03\x04" + b"x" * 99, "torch.save writes: such files can run code"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"GGUF" + b"\0" * 40, "a GGUF file"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 99, "something else"),
        (struct.pack("<Q", 2) + b"[]", "something else"),
        (struct.pack("<Q", 3) + b"{,}", "something else"),
        (struct.pack("<Q", 5) + b'{"a":', "something else"),
        (struct.pack("<Q", 1 << 60) + b"{", "something else"),
        (WHOLE + b"trailing", "8 bytes more than its header tells of"),
    ],
)
def test_what_it_is_instead_is_told(content: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(content)
    assert says in refusal(file)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    for size in range(len(WHOLE)):
        file.write_bytes(WHOLE[:size])
        said = refusal(file)
        assert size < 9 or f"is cut short, at {size:,} of" in said


headers = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "shape", "data_offsets", "dtype", "__metadata__"]), inner
        )
    ),
)


@given(st.dictionaries(st.text(max_size=4), headers, max_size=3), st.integers(0, 40))
def test_hostile_headers_are_one_line(
    tmp_path_factory: pytest.TempPathFactory, header: dict[str, object], more: int
) -> None:
    data = json.dumps(header).encode()
    file = tmp_path_factory.mktemp("hostile") / "a.safetensors"
    file.write_bytes(struct.pack("<Q", len(data)) + data + b"\0" * more)
    try:
        shapes = tensor_shapes(file, "it")
    except CheckpointError:
        refusal(file)  # in one line
    else:
        assert all(type(side) is int for shape in shapes.values() for side in shape)


def test_the_name_given_counts_and_not_where_a_link_leads(tmp_path: Path) -> None:
    blob = tmp_path / "blobs" / "0123456789abcdef"
    blob.parent.mkdir()
    blob.write_bytes(WHOLE)
    named = tmp_path / "a.safetensors"
    named.symlink_to(blob)
    assert tensor_shapes(named, "it") == {"a": [2, 3], "b": [5]}
    assert "by its name" in refusal(blob)

    pickled = tmp_path / "pickled.bin"
    torch.save({"a": torch.zeros(1)}, pickled)
    named.unlink()
    named.symlink_to(pickled)
    assert "can run code" in refusal(named)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"weight_map": 3}',
        '{"weight_map": {}}',
        '{"weight_map": ["model.safetensors"]}',
        '{"weight_map": {"a": 3}}',
        '{"weight_map": {"a": null}}',
        '{"weight_map": {"a": "../up.safetensors"}}',
        '{"weight_map": {"a": "/etc/up.safetensors"}}',
        '{"weight_map": {"a": "in\\\\side.safetensors"}}',
        '{"weight_map": {"a": "pytorch_model.bin"}}',
        '{"weight_map": {"a": ".safetensors"}}',
        '{"weight_map": {"a": "a\\u0000.safetensors"}}',
        "[" * 100_000,
    ],
)
def test_a_list_of_shards_leads_nowhere_else(content: str, tmp_path: Path) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(content)
    with pytest.raises(CheckpointError, match=re.escape(str(index))) as caught:
        listed_files(index, "it")
    assert "\n" not in str(caught.value)


def test_each_shard_is_looked_at(tmp_path: Path) -> None:
    assert weight_files(tmp_path, "it") == []
    parts = {"a": "model-1.safetensors", "b": "model-2.safetensors"}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": parts}))
    for name, part in parts.items():
        save_file({name: TENSORS[name]}, tmp_path / part)
    assert weight_files(tmp_path, "it") == [tmp_path / part for part in parts.values()]
    torch.save({}, tmp_path / "model-2.safetensors")
    with pytest.raises(CheckpointError, match=r"model-2\.safetensors.*can run code"):
        weight_files(tmp_path, "it")
    (tmp_path / "model-2.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"lacks model-2\.safetensors"):
        weight_files(tmp_path, "it")


@pytest.fixture
def tower(tmp_path: Path) -> Path:
    save_tower("vit", tmp_path / "vit")
    return tmp_path / "vit"


def test_a_checkpoint_of_links_as_the_hub_caches_it_is_the_same(
    tower: Path, tmp_path: Path
) -> None:
    alone = read_fingerprint(str(tower)).digest
    vectors = TorchEncoder(*_parts(tower)).encode(pixels()).vectors["cls@3"]
    snapshot = tmp_path / "models--a--b" / "snapshots" / "c0ffee"
    snapshot.mkdir(parents=True)
    for number, file in enumerate(sorted(tower.iterdir())):
        blob = file.rename(tmp_path / f"{number:040x}")
        (snapshot / file.name).symlink_to(blob)
    assert read_fingerprint(str(snapshot)).digest == alone
    again = TorchEncoder(*_parts(snapshot)).encode(pixels()).vectors["cls@3"]
    assert (again == vectors).all()
    assert again.shape == (3, DIM)


def _parts(directory: Path) -> tuple[Checkpoint, tuple[EmbeddingSpace, ...]]:
    found = find_checkpoint(str(directory))
    return found, found.select()


@pytest.mark.parametrize("config", ["adapter_config.json", "config.json"])
def test_weights_that_a_loader_would_find_elsewhere_are_refused(config: str, tower: Path) -> None:
    file = tower / config
    known = json.loads(file.read_text()) if file.exists() else {"base_model_name_or_path": "a/b"}
    file.write_text(json.dumps(known | {"transformers_weights": "adapter_model.bin"}))
    with pytest.raises(CheckpointError, match=r"adapter_config|transformers_weights"):
        find_checkpoint(str(tower))


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": "wide"},
        {"num_hidden_layers": 0},
        {"hidden_size": None},
        {"architectures": ["ViTForImageClassification"], "id2label": {"first": "a"}},
        {"architectures": ["ViTForImageClassification"], "id2label": None, "num_labels": "two"},
    ],
)
def test_a_configuration_of_nonsense_is_one_line(changes: dict[str, object], tower: Path) -> None:
    config = tower / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | changes))
    with pytest.raises(CheckpointError, match="download it again") as caught:
        find_checkpoint(str(tower))
    assert "\n" not in str(caught.value)


def test_weights_that_no_loader_can_read_are_one_line(tower: Path) -> None:
    file = tower / "model.safetensors"
    data = file.read_bytes()
    file.write_bytes(data.replace(b'"F32"', b'"Q99"'))
    found, spaces = _parts(tower)
    with pytest.raises(CheckpointError, match="is damaged or incomplete") as caught:
        TorchEncoder(found, spaces)
    assert "\n" not in str(caught.value)
