from __future__ import annotations

from pathlib import Path

import pytest

from vitrail.indexer.encoders.checkpoints import Checkpoint
from vitrail.indexer.errors import CollectionError
from vitrail.indexer.training.options import FinetuningOptions
from vitrail.indexer.training.saving import save_model
from vitrail.indexer.training.trainee import build_trainee


def test_a_full_disk_leaves_neither_half_a_model_nor_less_of_the_one_before(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainee = build_trainee(checkpoint, ("a", "b"), FinetuningOptions())
    save_model(trainee.model, checkpoint, str(tmp_path), {"run": 1})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "model.tmp").mkdir()  # as a kill leaves it
    (tmp_path / "model.tmp" / "model.safetensors").write_bytes(b"half")

    def full(folder: str) -> None:
        Path(folder, "model.safetensors").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trainee.model, "save_pretrained", full)
    with pytest.raises(CollectionError, match="disk full while writing to"):
        save_model(trainee.model, checkpoint, str(tmp_path), {"run": 2})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_config_comes_last(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def noting(source: str, target: str) -> None:
        seen.append(Path(target).name)
        Path(source).rename(target)

    monkeypatch.setattr("vitrail.indexer.training.staging.rename", noting)
    trainee = build_trainee(checkpoint, ("a", "b"), FinetuningOptions())
    save_model(trainee.model, checkpoint, str(tmp_path), {})
    assert seen[-1] == "config.json"
    assert "model.safetensors" in seen
