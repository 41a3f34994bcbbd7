from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import pytest
import torch

from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.training.metrics import MetricsFile
from vitrail.indexer.training.states import forget_states, read_state, write_state


def state(step: int) -> dict[str, object]:
    return {"step": step, "weights": {"a": torch.full((3,), float(step))}, "best": None}


def test_the_newest_whole_state_is_read_and_two_are_kept(tmp_path: Path) -> None:
    folder = str(tmp_path)
    assert read_state(folder) is None
    paths = [write_state(folder, step, state(step)) for step in (1, 2, 3)]
    assert not os.path.exists(paths[0])
    found = read_state(folder)
    assert found is not None
    assert found["step"] == 3
    assert found["weights"]["a"].tolist() == [3, 3, 3]
    with open(paths[2], "r+b") as file:
        file.seek(100)
        file.write(b"damage")
    found = read_state(folder)
    assert found is not None
    assert found["step"] == 2
    Path(paths[1]).write_bytes(Path(paths[1]).read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* is whole"):
        read_state(folder)


def test_what_a_kill_left_half_written_is_no_state(tmp_path: Path) -> None:
    write_state(str(tmp_path), 4, state(4))
    (tmp_path / "state-00000005.tmp").write_bytes(b"half")
    found = read_state(str(tmp_path))
    assert found is not None
    assert found["step"] == 4
    forget_states(str(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "foreign",
    [pickle.dumps({"a": os.system}, protocol=2), b"letters", b""],
    ids=["a pickle that calls", "letters", "nothing"],
)
def test_what_is_no_state_is_not_run_and_told_in_a_line(foreign: bytes, tmp_path: Path) -> None:
    name = f"state-00000005-{hashlib.sha256(foreign).hexdigest()[:16]}.pt"
    (tmp_path / name).write_bytes(foreign)
    with pytest.raises(CheckpointError, match="no checkpoint of a training") as caught:
        read_state(str(tmp_path))
    assert len(str(caught.value).splitlines()) == 1


def test_nothing_is_left_of_a_state_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vitrail.indexer.training.states.sync_file", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_state(str(tmp_path), 1, state(1))
    assert not list(tmp_path.iterdir())


def test_metrics_forget_steps_that_will_be_done_again(tmp_path: Path) -> None:
    metrics = MetricsFile(str(tmp_path / "metrics.jsonl"))
    assert metrics.lines() == []
    for step in (1, 2, 3):
        metrics.append({"step": step, "loss": step / 2})
    with open(tmp_path / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write('{"step": 4, "lo')  # where a kill cut it
    metrics.rewind(2)
    assert metrics.lines() == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 1.0}]
    assert (tmp_path / "metrics.jsonl").read_text("utf-8").count("\n") == 2


def test_the_first_line_that_was_cut_after_one_byte_spoils_no_other(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text("{")
    metrics = MetricsFile(str(tmp_path / "metrics.jsonl"))
    metrics.append({"step": 1})
    assert metrics.lines() == [{"step": 1}]


def test_a_line_that_was_cut_spoils_no_other(tmp_path: Path) -> None:
    metrics = MetricsFile(str(tmp_path / "metrics.jsonl"))
    metrics.append({"step": 1})
    with open(tmp_path / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write('{"step": 2, "lo')  # where a full disk cut it
    metrics.append({"step": 2})
    metrics.append({"step": 3})
    assert [line["step"] for line in metrics.lines()] == [1, 2, 3]
    assert (tmp_path / "metrics.jsonl").read_text("utf-8").count("\n") == 4
