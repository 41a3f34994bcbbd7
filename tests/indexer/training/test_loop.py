from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import pytest
import torch

from tests.indexer.training.kills import kill_at, killed
from tests.indexer.training.runs import make_task, run, same, weights
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.encoders.checkpoints import Checkpoint
from vitrail.indexer.errors import (
    CancelledError,
    CollectionError,
    InputError,
    TrainingError,
)
from vitrail.indexer.training.acceleration import Acceleration
from vitrail.indexer.training.finetuning import Finetuning
from vitrail.indexer.training.metrics import MetricsFile
from vitrail.indexer.training.options import FinetuningOptions
from vitrail.indexer.training.samples import LabelledImage
from vitrail.indexer.training.states import read_state, write_state
from vitrail.indexer.training.tasks import LoopProgress

OPTIONS = FinetuningOptions(
    epochs=5,
    batch=8,
    precision="fp32",
    workers=1,
    augmentation="light",
    learning_rate=3e-3,
    save_every=3,
    log_every=2,
)
STEPS = 10
Images = Sequence[LabelledImage]
Make = Callable[..., Finetuning]


@pytest.fixture
def make(checkpoint: Checkpoint, images: Images, others: Images) -> Make:
    def made(options: FinetuningOptions = OPTIONS) -> Finetuning:
        return make_task(checkpoint, images, others, options)

    return made


def told(folder: Path) -> list[dict[str, object]]:
    """The metrics, without how long steps took."""
    lines = MetricsFile(str(folder / "metrics.jsonl")).lines()
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


@pytest.fixture
def whole(make: Make, tmp_path: Path) -> tuple[dict[str, torch.Tensor], list[dict[str, object]]]:
    """What an undisturbed run comes to."""
    task = make()
    result = run(task, tmp_path / "whole")
    assert result.steps == STEPS
    return weights(task), told(tmp_path / "whole")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills are tried on forked processes")
def test_a_kill_at_any_moment_changes_nothing_that_comes_of_it(
    make: Make,
    whole: tuple[dict[str, torch.Tensor], list[dict[str, object]]],
    tmp_path: Path,
) -> None:
    """SIGKILL at ten moments: before syncs and renames of checkpoints, and within steps."""
    writes = [("replace", 0), ("fsync", 0), ("fsync", 1), ("replace", 1), ("fsync", 6)]
    moments: list[tuple[str, int] | int] = [*writes, 1, 2, 4, 7, 9]
    for number, moment in enumerate(moments):
        folder = tmp_path / f"killed-{number}"

        def work(moment: tuple[str, int] | int = moment, folder: Path = folder) -> None:
            def on_step(progress: LoopProgress) -> None:
                if progress.step == moment:
                    os.kill(os.getpid(), signal.SIGKILL)

            with pytest.MonkeyPatch.context() as patch:
                if isinstance(moment, tuple):
                    kill_at(moment[1], moment[0], patch)
                run(make(), folder, on_step=on_step)

        assert killed(work) == -signal.SIGKILL, moment
        task = make()
        assert run(task, folder).steps == STEPS
        assert same(weights(task), whole[0]), moment
        assert told(folder) == whole[1], moment


@pytest.mark.parametrize("changes", [{}, {"lora": 2}, {"objective": "both"}], ids=str)
def test_ctrl_c_keeps_what_was_learned_and_going_on_is_bit_by_bit_the_same(
    make: Make, tmp_path: Path, changes: dict[str, object]
) -> None:
    options = replace(OPTIONS, **changes)  # type: ignore[arg-type]
    task = make(options)
    run(task, tmp_path / "whole")
    folder, cancellation = tmp_path / "stopped", Cancellation()

    def on_step(progress: LoopProgress) -> None:
        if progress.step in (3, 7):
            cancellation.cancel()

    message = r"stopped after step \d of \d+; what was learned is kept; run the same command"
    for _ in range(2):
        with pytest.raises(CancelledError, match=message):
            run(make(options), folder, on_step=on_step, cancellation=cancellation)
        cancellation = Cancellation()
    gone_on = make(options)
    run(gone_on, folder)
    assert same(weights(gone_on), weights(task))
    assert told(folder) == told(tmp_path / "whole")


def test_an_evaluation_that_was_stopped_is_made_up_for(make: Make, tmp_path: Path) -> None:
    task = make()
    run(task, tmp_path / "whole")
    cancellation, other = Cancellation(), make()
    evaluate = other.evaluate

    def stopping(check: Callable[[], None]) -> object:
        cancellation.cancel()
        return evaluate(check)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Finetuning, "evaluate", lambda _self, check: stopping(check))
        with pytest.raises(CancelledError):
            run(other, tmp_path / "stopped", cancellation=cancellation)
    gone_on = make()
    run(gone_on, tmp_path / "stopped")
    assert told(tmp_path / "stopped") == told(tmp_path / "whole")
    assert same(weights(gone_on), weights(task))


def test_a_loss_that_is_no_number_ends_it_and_keeps_the_last_state(
    make: Make, tmp_path: Path
) -> None:
    def poison(progress: LoopProgress) -> None:
        if progress.step == 5:
            with torch.no_grad():
                next(iter(task.trained().values())).fill_(torch.nan)

    task = make()
    with pytest.raises(TrainingError, match=r"the loss is nan at step 6.*lower learning rate.*4"):
        run(task, tmp_path / "run", on_step=poison)
    again = make()
    run(again, tmp_path / "run")
    clean = make()
    run(clean, tmp_path / "clean")
    assert same(weights(again), weights(clean))


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")]
)
def test_too_little_memory_is_one_line_with_the_remedy(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    task, losses = make(), Finetuning.losses

    def lacking(self: Finetuning, step: int) -> object:
        if step == 4:
            raise error
        return losses(self, step)

    monkeypatch.setattr(Finetuning, "losses", lacking)
    with pytest.raises(TrainingError, match=r"memory is too small for step 5: put --accumulate up"):
        run(task, tmp_path / "run")
    monkeypatch.undo()
    smaller = make(replace(OPTIONS, accumulate=4, recompute=True))
    assert run(smaller, tmp_path / "run").steps == STEPS


def test_a_full_disk_is_one_line_and_loses_nothing(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = torch.save

    def full(state: dict[str, object], file: IO[bytes]) -> None:
        if state["step"] == 6:
            raise OSError(28, "No space left on device")
        real(state, file)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(CollectionError, match="disk full while writing to"):
        run(make(), tmp_path / "run")
    monkeypatch.undo()
    again, clean = make(), make()
    run(again, tmp_path / "run")
    run(clean, tmp_path / "clean")
    assert same(weights(again), weights(clean))


def test_it_ends_early_with_the_best_state(make: Make, tmp_path: Path) -> None:
    values = iter([0.5, 0.9, 0.3, 0.2, 0.1, 0.0])
    seen: dict[int, dict[str, torch.Tensor]] = {}

    def judge(_vectors: object, _targets: object) -> dict[str, float]:
        return {"mAP": next(values)}

    def on_step(progress: LoopProgress) -> None:
        seen[progress.step] = weights(task)

    task = make(replace(OPTIONS, patience=2))
    task.judge = judge
    result = run(task, tmp_path / "run", on_step=on_step)
    # two steps an epoch; the best state is that of the second
    assert result.best is not None
    assert result.best.told["mAP"] == 0.9
    assert result.steps == result.best_step + 4
    assert same(weights(task), seen[result.best_step])


def test_patience_counts_from_a_step_on(make: Make, tmp_path: Path) -> None:
    values = iter([0.5, 0.4, 0.3, 0.2, 0.1])  # after two steps each
    task = make(replace(OPTIONS, patience=2))
    task.judge = lambda _vectors, _targets: {"mAP": next(values)}
    assert run(task, tmp_path / "run", patient_from=5).steps == 8


def test_the_rates_that_are_told_are_the_schedules(make: Make, tmp_path: Path) -> None:
    run(make(replace(OPTIONS, log_every=1, warmup=0.2)), tmp_path / "run")
    rates = [line["rate"] for line in told(tmp_path / "run") if "rate" in line]
    falling = 0.5 * (1 + np.cos(np.pi * np.arange(8) / 8))
    assert rates == pytest.approx((3e-3 * np.array([0.5, 1.0, *falling])).tolist())


def test_a_precision_that_the_device_lacks_is_refused() -> None:
    with pytest.raises(InputError, match="fp16 trains on CUDA alone"):
        Acceleration("cpu", "fp16")
    assert Acceleration("cpu", "bf16").precision == "bf16"
    assert Acceleration("cpu", "fp32").precision == "fp32"  # another one in the same process


def test_a_state_of_another_model_is_refused(make: Make, tmp_path: Path) -> None:
    run(make(), tmp_path / "run")
    with pytest.raises(TrainingError, match="other parameters"):
        run(make(replace(OPTIONS, lora=2)), tmp_path / "run")


@pytest.mark.parametrize("lacking", ["weights", "optimizer", "pending"])
def test_a_state_that_lacks_something_is_one_line(lacking: str, make: Make, tmp_path: Path) -> None:
    run(make(), tmp_path / "run")
    kept = read_state(str(tmp_path / "run"))
    assert kept is not None
    write_state(str(tmp_path / "run"), 99, {k: v for k, v in kept.items() if k != lacking})
    with pytest.raises(TrainingError, match="another version's, or of something else"):
        run(make(), tmp_path / "run")
