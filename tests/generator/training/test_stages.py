from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.generator.training.conftest import tiny
from vitrail.generator.training.emoji import EmojiImage
from vitrail.generator.training.loop import Training, TrainingPlan
from vitrail.generator.training.stages import STAGES, Run
from vitrail.indexer.errors import CheckpointError, InputError

Weights = dict[str, torch.Tensor]


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def weights(run: Run) -> list[Weights]:
    return [run.autoencoder.state_dict(), run.denoiser.state_dict()]


def assert_equal(first: list[Weights], second: list[Weights]) -> None:
    for mine, theirs in zip(first, second, strict=True):
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)


def test_a_resumed_run_equals_an_uninterrupted_one(
    tmp_path: Path, images: list[EmojiImage]
) -> None:
    straight = Run(tmp_path / "straight", images, tiny(4))
    straight.train()

    class Interrupted(Exception):
        pass

    def interrupt(run: Run, stage: str, step: int) -> None:
        if step == 2:
            raise Interrupted

    for stage in STAGES:
        with pytest.raises(Interrupted):
            Run(tmp_path / "stopped", images, tiny(4)).train([stage], interrupt)
        Run(tmp_path / "stopped", images, tiny(4)).train([stage])
    resumed = Run(tmp_path / "stopped", images, tiny(4))
    assert resumed.restore()
    assert_equal(weights(straight), weights(resumed))


def test_two_workers_make_the_same_gradients_as_one(
    tmp_path: Path, images: list[EmojiImage]
) -> None:
    runs = [Run(tmp_path / str(n), images, tiny(1, workers=n)) for n in (1, 2)]
    losses = []
    for run in runs:
        run.train(["text", "diffusion"])
        with open(run.folder / "diffusion" / "loss.csv", newline="", encoding="utf-8") as file:
            losses.append(float(next(csv.DictReader(file))["loss"]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_the_saved_weights_are_the_ones_restored(tmp_path: Path, images: list[EmojiImage]) -> None:
    run = Run(tmp_path, images, tiny(2))
    other = Run(tmp_path, images, tiny(2))
    assert not other.restore()
    run.train()
    assert other.restore()
    assert_equal(weights(run), weights(other))
    assert_equal(weights(run), weights(run.snapshot()))


def test_the_tiny_autoencoder_learns(tmp_path: Path, images: list[EmojiImage]) -> None:
    run = Run(tmp_path, images, tiny(30))
    run.train(["autoencoder"])
    with open(run.folder / "autoencoder" / "loss.csv", newline="", encoding="utf-8") as file:
        losses = [float(line["loss"]) for line in csv.DictReader(file)]
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])


def test_the_diffusion_needs_the_text_encoder(tmp_path: Path, images: list[EmojiImage]) -> None:
    with pytest.raises(CheckpointError, match="no trained text encoder"):
        Run(tmp_path, images, tiny(2)).train(["diffusion"])


def test_a_damaged_checkpoint_is_named(tmp_path: Path, images: list[EmojiImage]) -> None:
    run = Run(tmp_path, images, tiny(2))
    run.train(["text", "diffusion"])
    state = tmp_path / "diffusion" / "state.pt"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"state\.pt"):
        Run(tmp_path, images, tiny(4)).train(["diffusion"])
    with pytest.raises(CheckpointError, match=r"state\.pt"):
        Run(tmp_path, images, tiny(4)).restore()


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    training = Training(torch.nn.Linear(1, 1), tmp_path, TrainingPlan(steps=3, learning_rate=1e-3))
    with pytest.raises(CheckpointError, match="step 0"):
        training.run(
            lambda generator: (torch.full((2, 1), float("nan")),),
            lambda model, batch: model(batch[0]).mean(),
        )


def test_the_rate_warms_up_stays_and_falls() -> None:
    plan = TrainingPlan(steps=100, learning_rate=1.0, warmup=10, decay=0.2)
    rates = [plan.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10:80] == [1.0] * 70
    assert rates[80:] == sorted(rates[80:], reverse=True)
    assert rates[-1] == pytest.approx(0.05)


def test_no_steps_are_refused() -> None:
    with pytest.raises(InputError, match="at least 1"):
        TrainingPlan(steps=0, learning_rate=1e-3)
