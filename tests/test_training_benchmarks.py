"""Benchmarks of trainings that are interrupted, asked for otherwise, and gone on with."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import machine, picking, spent
from vitrail.generator.checkpoints.files import find_checkpoint
from vitrail.service.operations.captioned import CaptionedSource
from vitrail.service.operations.generator_records import (
    BegunGenerator,
    GeneratorRequest,
    Prior,
    write_begun_generator,
)


def test_time_is_that_of_all_attempts_until_one_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("time.process_time", lambda: now)
    file = tmp_path / "spent.json"
    assert spent.spent(file) == 0
    with spent.counted_time(file) as note:  # killed after this
        now += 0.5
        note()
        assert spent.spent(file) == 0
        now += 2.0
        note()
        killed = file.read_bytes()
        now += 40.0
    file.write_bytes(killed)
    with suppress(KeyboardInterrupt), spent.counted_time(file):
        now += 5.0
        raise KeyboardInterrupt
    assert spent.spent(file) == 7.5
    with spent.counted_time(file):
        now += 1.0
    with spent.counted_time(file):  # done: what is only looked at again took no time
        now += 9.0
    assert spent.spent(file) == 8.5
    assert [path.name for path in tmp_path.iterdir()] == ["spent.json"]


def test_lines_that_lie_near_one_another_are_told_apart() -> None:
    unseen, copies = np.array([0.1, 0.3002, 0.2]), np.array([0.3002, 0.9])
    told = picking.reaching([0.3, 0.3004], unseen, copies)
    assert [one["line"] for one in told] == [0.3, 0.3004]
    assert [one["copies"] for one in told] == [1.0, 0.5]
    assert [one["unseen"] for one in told] == pytest.approx([1 / 3, 0])


def test_a_run_of_other_steps_is_not_taken_for_the_one_that_is_asked_for(tmp_path: Path) -> None:
    """Done or not: the folder says what it was begun with."""
    images, run = tmp_path / "images", tmp_path / "run"
    source = CaptionedSource((str(images),), prompt=picking.CAPTION)
    prior = Prior(picking.PRIOR, count=picking.PRIORS)
    request = GeneratorRequest(source, "embedded", str(run), picking.OPTIONS, prior)
    inner = run / "training"
    inner.mkdir(parents=True)
    settings = request.settings(find_checkpoint("embedded").content_hash)
    write_begun_generator(str(inner), BegunGenerator(settings, ()))
    (inner / "result.json").write_text(json.dumps({}))
    (run / "model_index.json").write_text("{}")
    for changes in ({"steps": 20}, {"sheet_every": 50}):
        with pytest.raises(SystemExit, match=r"trained with other (steps|sheet every) \(.*--work"):
            picking.taught(tmp_path, replace(picking.OPTIONS, **changes))  # type: ignore[arg-type]


def test_the_command_that_is_published_is_the_one_that_was_typed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typed = ["exports.py", "--work", str(Path("a b").absolute()), "--only", "onnx int8"]
    monkeypatch.setattr(sys, "argv", typed)
    told = machine.command_line("benchmarks.exports")
    assert told == "python -m benchmarks.exports --work 'a b' --only 'onnx int8'"
