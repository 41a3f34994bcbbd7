"""Steps over tiny checkpoints of SD 1.x, 2.x and XL: what is drawn, and that it adds up."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.generator.training.lessons import learned, make_task, paint, run
from tests.indexer.training.kills import kill_at, killed
from tests.indexer.training.runs import same
from vitrail.generator.checkpoints.files import CheckpointInfo, find_checkpoint
from vitrail.generator.training.options import GeneratorOptions
from vitrail.generator.training.tuning import GeneratorTuning
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import CancelledError, InputError, TrainingError
from vitrail.indexer.training.tasks import LoopProgress

OPTIONS = GeneratorOptions(
    rank=2,
    steps=8,
    batch=4,
    learning_rate=1e-2,
    precision="fp32",
    device="cpu",
    sheet_every=4,
    save_every=3,
    log_every=2,
)
Checkpoints = Callable[[str], CheckpointInfo]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def velocity(checkpoint: Checkpoints, tmp_path_factory: pytest.TempPathFactory) -> CheckpointInfo:
    """As SD 2.x, whose U-Net tells velocities."""
    folder = tmp_path_factory.mktemp("velocity") / "sd2"
    shutil.copytree(checkpoint("ordinary").path, folder)
    file = folder / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"prediction_type": "v_prediction"}))
    return find_checkpoint(str(folder))


@pytest.fixture
def of(checkpoint: Checkpoints, velocity: CheckpointInfo) -> Checkpoints:
    return lambda kind: velocity if kind == "velocity" else checkpoint(kind)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("ordinary", {}),
        ("ordinary", {"text": True, "targets": "all"}),
        ("velocity", {"method": "full", "average": 0.5}),
        ("xl", {"method": "full", "text": True}),
        ("xl", {"text": True, "targets": "all"}),
    ],
    ids=str,
)
def test_each_kind_learns_each_way_and_loses_less(
    of: Checkpoints, tmp_path: Path, kind: str, changes: dict[str, object]
) -> None:
    options = replace(OPTIONS, steps=12, sheet_every=12, **changes)  # type: ignore[arg-type]
    task = make_task(of(kind), paint(tmp_path / "images"), options)
    before = learned(task)
    with torch.no_grad():
        first = task.evaluate(lambda: None)
    run(task, tmp_path / "run")
    with torch.no_grad():
        last = task.evaluate(lambda: None)
    assert first is not None
    assert last is not None
    assert last.told["fixed loss"] < first.told["fixed loss"]
    after = learned(task)
    assert before.keys() == after.keys()
    parts = {name.partition(".")[0] for name, one in after.items() if not one.equal(before[name])}
    # of the tiny XL's first one the U-Net sees the embeddings alone, before its one layer
    texts = {"text_encoder_2"} if kind == "xl" else {"text_encoder"}
    texts |= {"text_encoder"} if options.method == "full" else set()
    assert parts == {"unet", *(texts if options.text else ())}


@pytest.mark.parametrize("kind", ["ordinary", "xl"])
def test_parts_of_a_step_add_up_to_the_whole(of: Checkpoints, tmp_path: Path, kind: str) -> None:
    images = paint(tmp_path / "images")
    prior = paint(tmp_path / "prior", 2)
    options = replace(OPTIONS, offset_noise=0.1, mirror=True, empty=0.3)
    found = []
    for parts in (1, 3):
        task = make_task(of(kind), images, replace(options, accumulate=parts), prior)
        told = 0.0
        for part in task.losses(5):
            part.loss.backward()  # type: ignore[no-untyped-call]
            told += part.told
        gradients = {name: one.grad for name, one in task.trained().items()}
        found.append((told, gradients))
    (one, whole), (other, parted) = found
    assert one == pytest.approx(other, rel=1e-5)
    for name, gradient in whole.items():
        assert gradient is not None
        assert parted[name] is not None
        assert torch.allclose(gradient, parted[name], atol=1e-6, rtol=1e-4), name  # type: ignore[arg-type]


def test_a_step_depends_on_seed_and_number_alone(of: Checkpoints, tmp_path: Path) -> None:
    images = paint(tmp_path / "images")
    one = make_task(of("ordinary"), images, OPTIONS)
    other = make_task(of("ordinary"), images, replace(OPTIONS, seed=1))
    torch.manual_seed(5)
    first = one.batch(3)
    torch.manual_seed(6)
    one.batch(2)
    assert all(torch.equal(a, b) for a, b in zip(first, one.batch(3), strict=True))
    assert not torch.equal(first.noisy, one.batch(4).noisy)
    assert not torch.equal(first.noisy, other.batch(3).noisy)


def test_the_prior_has_its_weight_and_its_own_captions(of: Checkpoints, tmp_path: Path) -> None:
    images, prior = paint(tmp_path / "images", 1), paint(tmp_path / "prior", 3)
    options = replace(OPTIONS, empty=0.0, snr=0.0, prior_weight=0.5, batch=3)
    batch = make_task(of("ordinary"), images, options, prior).batch(0)
    assert batch.weights.tolist() == pytest.approx([1 / 3] * 3 + [1 / 6] * 3)
    assert len(batch.noisy) == 6
    assert set(batch.captions.tolist()[:3]) == {1}
    # each of both has one timestep of each third of the schedule
    for part in (batch.timesteps[:3], batch.timesteps[3:]):
        assert sorted((part * 3 // 1000).tolist()) == [0, 1, 2]


def test_captions_are_left_out_as_often_as_asked(of: Checkpoints, tmp_path: Path) -> None:
    task = make_task(of("ordinary"), paint(tmp_path / "images"), replace(OPTIONS, empty=0.25))
    said = torch.cat([task.batch(step).captions for step in range(100)])
    assert (said == 0).float().mean().item() == pytest.approx(0.25, abs=0.08)
    assert set(said.tolist()) == {0, 1, 2, 3, 4}


def test_xl_is_told_sizes_and_where_the_square_was(of: Checkpoints, tmp_path: Path) -> None:
    batch = make_task(of("xl"), paint(tmp_path / "images"), OPTIONS).batch(0)
    # 40x36, scaled until the shorter edge is 32
    assert batch.places[0].tolist() == [36, 40, 0, 2, 32, 32]


def test_recomputing_changes_nothing(of: Checkpoints, tmp_path: Path) -> None:
    images = paint(tmp_path / "images")
    runs = []
    for recompute in (False, True):
        options = replace(OPTIONS, steps=2, text=True, recompute=recompute)
        task = make_task(of("ordinary"), images, options)
        run(task, tmp_path / f"run-{recompute}")
        runs.append(learned(task))
    for name, one in runs[0].items():
        assert torch.allclose(one, runs[1][name], atol=1e-6), name


@pytest.fixture
def make(of: Checkpoints, tmp_path: Path) -> Callable[[], GeneratorTuning]:
    images = paint(tmp_path / "images")
    return lambda: make_task(of("ordinary"), images, replace(OPTIONS, average=0.9))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills are tried on forked processes")
def test_a_kill_at_any_moment_changes_nothing_that_comes_of_it(
    make: Callable[[], GeneratorTuning], tmp_path: Path
) -> None:
    """SIGKILL at ten moments: before syncs and renames of checkpoints, and after steps."""
    whole = make()
    run(whole, tmp_path / "whole")
    writes = [("replace", 0), ("fsync", 0), ("fsync", 1), ("replace", 1), ("fsync", 3)]
    moments: list[tuple[str, int] | int] = [*writes, 1, 2, 3, 5, 7]
    for number, moment in enumerate(moments):
        folder, task = tmp_path / f"killed-{number}", make()  # which the fork has a copy of

        def work(
            moment: tuple[str, int] | int = moment,
            folder: Path = folder,
            task: GeneratorTuning = task,
        ) -> None:
            def on_step(progress: LoopProgress) -> None:
                if progress.step == moment:
                    os.kill(os.getpid(), signal.SIGKILL)

            with pytest.MonkeyPatch.context() as patch:
                if isinstance(moment, tuple):
                    kill_at(moment[1], moment[0], patch)
                run(task, folder, on_step=on_step)

        assert killed(work) == -signal.SIGKILL, moment
        run(task, folder)
        assert same(learned(task), learned(whole)), moment


def test_ctrl_c_at_each_step_and_going_on_is_bit_by_bit_the_same(
    make: Callable[[], GeneratorTuning], tmp_path: Path
) -> None:
    whole = make()
    run(whole, tmp_path / "whole")
    for stop in (1, 4, 7):
        cancellation = Cancellation()

        def on_step(
            where: LoopProgress, stop: int = stop, cancellation: Cancellation = cancellation
        ) -> None:
            if where.step == stop:
                cancellation.cancel()

        folder = tmp_path / f"stopped-{stop}"
        with pytest.raises(CancelledError, match=f"stopped after step {stop} of 8"):
            run(make(), folder, on_step, cancellation)
        task = make()
        run(task, folder)
        assert same(learned(task), learned(whole)), stop


def test_a_loss_that_is_no_number_is_one_line(
    make: Callable[[], GeneratorTuning], tmp_path: Path
) -> None:
    task = make()

    def poison(where: LoopProgress) -> None:
        if where.step == 4:
            with torch.no_grad():
                next(iter(task.trained().values())).fill_(torch.nan)

    with pytest.raises(TrainingError, match=r"the loss is nan at step 5.*lower learning rate"):
        run(task, tmp_path / "run", poison)


def test_half_precision_comes_near(of: Checkpoints, tmp_path: Path) -> None:
    images, losses = paint(tmp_path / "images"), []
    for precision in ("fp32", "bf16"):
        options = replace(OPTIONS, precision=precision, steps=4)
        task = make_task(of("ordinary"), images, options)
        run(task, tmp_path / precision)
        assert {one.dtype for one in task.trained().values()} == {torch.float32}
        with torch.no_grad():
            found = task.evaluate(lambda: None)
        assert found is not None
        losses.append(found.told["fixed loss"])
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"method": "dora"}, "method 'dora' is unknown; use one of lora, full"),
        ({"targets": "some"}, "targets 'some' is unknown"),
        ({"rank": 0}, "rank is 0; give 1 or more"),
        ({"accumulate": 5}, "cannot go in 5 parts"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; give a number from above 0 to 10"),
        ({"average": 1.0}, "average is 1.0; give a number from 0 to 0.99999"),
        ({"empty": float("nan")}, "empty is nan"),
        ({"side": 4}, "side is 4; give 8 or more"),
        ({"precision": "int8"}, "int8"),
    ],
)
def test_values_that_cannot_be_used_are_named(changes: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        replace(OPTIONS, **changes)  # type: ignore[arg-type]
