from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.indexer.training.conftest import write_images
from tests.indexer.training.runs import make_task, same, weights
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.encoders.checkpoints import Checkpoint
from vitrail.indexer.errors import CancelledError
from vitrail.indexer.training.acceleration import Acceleration
from vitrail.indexer.training.averaging import WeightAverage
from vitrail.indexer.training.finetuning import Finetuning
from vitrail.indexer.training.loop import TrainingLoop
from vitrail.indexer.training.options import FinetuningOptions
from vitrail.indexer.training.states import read_state
from vitrail.indexer.training.tasks import LoopPlan

PLAN = LoopPlan(
    steps=8, evaluate_every=4, learning_rate=3e-3, save_every=3, average=0.9, chooses=False
)
OPTIONS = FinetuningOptions(batch=4, precision="fp32", workers=1)
Run = Callable[..., Finetuning]


def test_the_average_is_what_its_formula_says() -> None:
    parameter = nn.Parameter(torch.zeros(3))
    average, expected = WeightAverage(0.5, {"a": parameter}), 0.0
    for step in range(30):
        with torch.no_grad():
            parameter.fill_(float(step))
        average.follow(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    average.settle()
    assert parameter.tolist() == pytest.approx([expected] * 3)


def test_what_was_shown_is_hidden_to_the_bit_and_twice_is_once() -> None:
    parameter = nn.Parameter(torch.rand(5))
    average = WeightAverage(0.9, {"a": parameter})
    with torch.no_grad():
        parameter.mul_(3)
    average.follow(0)
    before = parameter.detach().clone()
    for act in (average.show, average.show):
        act()
    assert not torch.equal(parameter, before)
    for act in (average.hide, average.hide):
        act()
    assert torch.equal(parameter, before)


def test_none_of_it_is_nothing_at_all() -> None:
    parameter = nn.Parameter(torch.ones(2))
    average = WeightAverage(0.0, {"a": parameter})
    average.follow(0)
    average.show()
    average.settle()
    assert torch.equal(parameter, torch.ones(2))
    assert average.state() == {}


@pytest.fixture
def run(checkpoint: Checkpoint, tmp_path: Path) -> Run:
    images = write_images(tmp_path / "striped", 4)

    def go(
        name: str, plan: LoopPlan = PLAN, cancellation: Cancellation | None = None
    ) -> Finetuning:
        task = make_task(checkpoint, images, images, OPTIONS)
        (tmp_path / name).mkdir(exist_ok=True)
        loop = TrainingLoop(
            task,
            plan,
            str(tmp_path / name),
            Acceleration("cpu", "fp32"),
            cancellation=cancellation or Cancellation(),
        )
        try:
            loop.run()
        finally:
            task.close()
        return task

    return go


def test_a_loop_ends_with_the_average_and_learns_without_it(run: Run) -> None:
    averaged, without = run("averaged"), run("without", replace(PLAN, average=0.0))
    kept = read_state(str(Path(averaged.images.images[0].path).parents[2] / "averaged"))
    assert kept is not None
    assert kept["step"] == PLAN.steps
    for name, parameter in without.trained().items():
        assert torch.equal(parameter, kept["weights"][name])  # learned as if nothing followed
    for name, parameter in averaged.trained().items():
        assert torch.equal(parameter, kept["average"][name])
    assert not same(weights(averaged), weights(without))


def test_who_stops_while_the_average_is_shown_goes_on_with_what_learns(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run("whole")
    cancellation, evaluate = Cancellation(), Finetuning.evaluate

    def stopping(self: Finetuning, check: Callable[[], None]) -> object:
        cancellation.cancel()
        return evaluate(self, check)

    with monkeypatch.context() as patch:
        patch.setattr(Finetuning, "evaluate", stopping)
        with pytest.raises(CancelledError):
            run("stopped", cancellation=cancellation)
    assert same(weights(run("stopped")), weights(whole))
