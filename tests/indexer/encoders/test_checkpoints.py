from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.indexer.encoders.tiny import PREPROCESSOR, save_classifier, save_tower
from vitrail.indexer.encoders import read_fingerprint
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
from vitrail.indexer.errors import CheckpointError, InputError


def save(directory: Path) -> str:
    save_tower("vit", directory)
    return str(directory)


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_fingerprint_is_stable_and_names_what_it_holds(tmp_path: Path) -> None:
    name = save(tmp_path)
    first = read_fingerprint(name)
    assert first == read_fingerprint(name)
    assert first.spaces == (("cls@3", 32),)
    assert len(first.weights) == 64


def test_fingerprint_follows_weights_preprocessing_and_spaces(tmp_path: Path) -> None:
    name = save(tmp_path)
    digests = {read_fingerprint(name).digest, read_fingerprint(name, ["mean@3"]).digest}
    edit(tmp_path / "preprocessor_config.json", image_mean=[0.1, 0.5, 0.6])
    digests.add(read_fingerprint(name).digest)
    weights = tmp_path / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    digests.add(read_fingerprint(name).digest)
    assert len(digests) == 4


def test_shards_are_hashed_together(tmp_path: Path) -> None:
    model = save_tower("vit", tmp_path)
    (tmp_path / "model.safetensors").unlink()
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 1
    assert len(read_fingerprint(str(tmp_path)).weights) == 64
    shards[0].unlink()
    with pytest.raises(CheckpointError, match=shards[0].name):
        read_fingerprint(str(tmp_path))


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.pt", "weights.ckpt"])
def test_pickles_are_refused_with_the_remedies(file: str, tmp_path: Path) -> None:
    name = save(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / file)
    told = rf"{file}, a pickle, which is refused.*--convert-pickle.*save_pretrained"
    with pytest.raises(CheckpointError, match=told):
        find_encoder_checkpoint(name)


def test_missing_and_broken_parts_are_named(tmp_path: Path) -> None:
    name = save(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"no model\.safetensors"):
        find_encoder_checkpoint(name)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="is not JSON"):
        find_encoder_checkpoint(name)
    (tmp_path / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        find_encoder_checkpoint(name)


@pytest.mark.parametrize("kind", ["resnet", "siglip2", None])
def test_other_families_are_refused_with_the_list(kind: str | None, tmp_path: Path) -> None:
    name = save(tmp_path)
    edit(tmp_path / "config.json", model_type=kind)
    with pytest.raises(CheckpointError, match=r"ViT, DeiT, DINOv2.*SigLIP, CLIP"):
        find_encoder_checkpoint(name)


def test_names_that_are_nothing_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(CheckpointError, match="is a file"):
        find_encoder_checkpoint(str(file))
    for name in ("nothing", "./a/b", "a/b/c", "/a/b"):
        with pytest.raises(CheckpointError, match="no Hub name"):
            find_encoder_checkpoint(name)


def test_class_token_spaces_need_a_class_token(tmp_path: Path) -> None:
    save_tower("siglip", tmp_path)
    found = find_encoder_checkpoint(str(tmp_path))
    assert [space.name for space in found.select()] == ["mean@3"]
    with pytest.raises(InputError, match="lacks"):
        found.select(["cls@3"])


def test_labels_need_a_head(tmp_path: Path) -> None:
    save_tower("vit", tmp_path / "plain")
    save_classifier("vit", tmp_path / "head")
    assert find_encoder_checkpoint(str(tmp_path / "plain")).labels == ()
    assert find_encoder_checkpoint(str(tmp_path / "head")).labels[0] == "apple"


def test_preprocessing_must_make_squares(tmp_path: Path) -> None:
    name = save(tmp_path)
    path = tmp_path / "preprocessor_config.json"
    edit(path, size={"height": 32, "width": 64})
    with pytest.raises(CheckpointError, match="square"):
        find_encoder_checkpoint(name)
    path.write_text(json.dumps({**PREPROCESSOR, "size": "big"}))
    with pytest.raises(CheckpointError, match="supported are"):
        find_encoder_checkpoint(name)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"no preprocessor_config\.json"):
        find_encoder_checkpoint(name)


def test_settings_load_no_framework_and_no_decoder() -> None:
    code = (
        "import sys; from vitrail.indexer.encoders import EncoderSettings, load_encoder; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "PIL", "numpy", "openvino", "onnx"} & set(done.stdout.split())
