"""Weights kept on the way: whole, the newest of a step, and only into the model they are of."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch
from torch import nn

from vitrail.generator.training import kept
from vitrail.generator.training.kept import keep_weights, list_kept, load_kept
from vitrail.indexer.errors import CheckpointError, CollectionError


def weights(value: float) -> dict[str, torch.Tensor]:
    return {"unet.a": torch.full((2, 3), float(value)), "unet.b": torch.full((4,), -float(value))}


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def parameters() -> dict[str, nn.Parameter]:
    return {name: nn.Parameter(torch.zeros_like(one)) for name, one in weights(0).items()}


def test_what_is_kept_comes_back_by_step(tmp_path: Path) -> None:
    assert list_kept(str(tmp_path)) == ()
    for step in (200, 50, 1000):
        keep_weights(str(tmp_path), step, weights(step))
    found = list_kept(str(tmp_path))
    assert [one.step for one in found] == [50, 200, 1000]
    own = parameters()
    load_kept(found[1], own)
    assert all(torch.equal(own[name], one) for name, one in weights(200).items())


def test_a_step_that_was_done_again_leaves_one_file(tmp_path: Path) -> None:
    first = keep_weights(str(tmp_path), 5, weights(1))
    assert keep_weights(str(tmp_path), 5, weights(1)) == first
    again = keep_weights(str(tmp_path), 5, weights(2))
    assert [one.path for one in list_kept(str(tmp_path))] == [again]
    assert names_in(tmp_path / kept.FOLDER) == {Path(again).name}


def test_what_was_begun_and_what_is_foreign_is_passed_over(tmp_path: Path) -> None:
    keep_weights(str(tmp_path), 5, weights(1))
    for name in ("step-00000009.tmp", "notes.txt", "step-9.safetensors"):
        (tmp_path / kept.FOLDER / name).write_text("?")
    assert [one.step for one in list_kept(str(tmp_path))] == [5]


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "other"])
def test_damaged_weights_are_one_line_and_nothing_is_loaded(tmp_path: Path, damage: str) -> None:
    path = Path(keep_weights(str(tmp_path), 5, weights(1)))
    (found,) = list_kept(str(tmp_path))
    data, own = path.read_bytes(), parameters()
    if damage == "flipped":
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif damage == "cut":
        path.write_bytes(data[:-7])
    elif damage == "gone":
        path.unlink()
    else:
        own["unet.b"] = nn.Parameter(torch.zeros(5))
    with pytest.raises(CheckpointError, match=r"after step 5 \("):
        load_kept(found, own)
    assert not any(one.any() for one in own.values())


def test_a_full_disk_leaves_what_was_kept_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_weights(str(tmp_path), 5, weights(1))

    def full(_: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(kept, "sync_file", full)
    with pytest.raises(CollectionError, match="disk"):
        keep_weights(str(tmp_path), 10, weights(2))
    assert [one.step for one in list_kept(str(tmp_path))] == [5]
    assert len(names_in(tmp_path / kept.FOLDER)) == 1
