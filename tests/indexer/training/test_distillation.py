"""Students taught by their teachers, in the loop that all trainings share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.indexer.encoders.tiny import SIDE, TOWERS, pixels, save_classifier, save_tower
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.encoders import EncoderSettings, load_encoder
from vitrail.indexer.encoders.checkpoints import Checkpoint, find_encoder_checkpoint
from vitrail.indexer.errors import CancelledError, InputError
from vitrail.indexer.training.acceleration import Acceleration
from vitrail.indexer.training.distillation import Distillation, likeness, neighbours_kept
from vitrail.indexer.training.distilling import DistillingOptions
from vitrail.indexer.training.fidelity import measure
from vitrail.indexer.training.loop import TrainingLoop
from vitrail.indexer.training.metrics import MetricsFile
from vitrail.indexer.training.samples import LabelledImage
from vitrail.indexer.training.saving import save_model
from vitrail.indexer.training.students import Cut
from vitrail.indexer.training.tasks import Evaluation, LoopProgress, LoopResult, plan_loop
from vitrail.indexer.training.teaching import Pair, make_pair

OPTIONS = DistillingOptions(
    epochs=40,
    batch=8,
    precision="fp32",
    workers=1,
    augmentation="none",
    learning_rate=3e-3,
    save_every=3,
)
Images = Sequence[LabelledImage]


def run(task: Distillation, folder: Path, cancel_at: int = 0) -> LoopResult:
    folder.mkdir(exist_ok=True)
    wish = Cancellation()

    def on_step(event: LoopProgress) -> None:
        if event.step == cancel_at:
            wish.cancel()

    images, batch = len(task.student.images), task.options.batch
    plan = plan_loop(task.options, images, batch, weighs_start=True)
    loop = TrainingLoop(task, plan, str(folder), Acceleration("cpu", "fp32"), on_step, wish)
    try:
        return loop.run()
    finally:
        task.close()


def apart(task: Distillation) -> float:
    """One less the mean cosine of the student's mapped vectors to the teacher's."""
    ours = task.vectors(task.student, task.student.images)
    theirs = task.vectors(task.teacher, task.teacher.images)
    if "vectors" in task.maps:
        with torch.no_grad():
            mapped = task.maps["vectors"](torch.from_numpy(ours)).numpy()
        ours = mapped / np.linalg.norm(mapped, axis=1, keepdims=True)
    return float(1 - (ours * theirs).sum(axis=1).mean())


@pytest.mark.parametrize("cut", [Cut(layers=1), Cut(width=16)])
def test_a_student_comes_nearer_and_its_teacher_stays(
    cut: Cut, checkpoint: Checkpoint, images: Images, tmp_path: Path
) -> None:
    options = replace(OPTIONS, vectors=1.0, tokens=0.1)
    pair = make_pair(checkpoint, None, cut, options)
    task = pair.task(list(images), [], options)
    kept = {name: one.clone() for name, one in pair.towers[0].state_dict().items()}
    before = apart(task)
    result = run(task, tmp_path / "run")
    assert result.steps == 80
    assert apart(task) < 0.8 * before
    for name, one in pair.towers[0].state_dict().items():
        assert torch.equal(one, kept[name]), name


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(
    checkpoint: Checkpoint, images: Images, others: Images, tmp_path: Path
) -> None:
    """With maps between the widths, which learn along, and augmented images, coarse ones first."""
    options = replace(OPTIONS, epochs=3, augmentation="light", coarse=0.4)

    def made() -> tuple[Pair, Distillation]:
        pair = make_pair(checkpoint, None, Cut(layers=2, width=16), options)
        return pair, pair.task(list(images), list(others), options)

    whole, task = made()
    run(task, tmp_path / "whole")
    stopped, task = made()
    with pytest.raises(CancelledError):
        run(task, tmp_path / "parted", cancel_at=4)
    stopped, task = made()
    run(task, tmp_path / "parted")
    one, other = whole.model.state_dict(), stopped.model.state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)
    evaluated = [
        [line["step"] for line in MetricsFile(f"{tmp_path}/{name}/metrics.jsonl").lines()]
        for name in ("whole", "parted")
    ]
    assert evaluated[0] == evaluated[1]
    assert evaluated[0].count(0) == 1


def test_a_student_never_ends_worse_than_it_began(
    checkpoint: Checkpoint,
    images: Images,
    others: Images,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = make_pair(checkpoint, None, Cut(layers=2), OPTIONS)
    begun = {name: one.clone() for name, one in pair.model.state_dict().items()}
    falling = iter((0.9, 0.5, 0.4, 0.3))
    monkeypatch.setattr(Distillation, "evaluate", lambda *_: Evaluation(next(falling), {}))
    result = run(
        pair.task(list(images), list(others), replace(OPTIONS, epochs=3)), tmp_path / "run"
    )
    assert (result.steps, result.best_step) == (6, 0)
    assert all(torch.equal(begun[name], one) for name, one in pair.model.state_dict().items())


def test_a_start_whose_evaluation_was_stopped_is_evaluated_again(
    checkpoint: Checkpoint, images: Images, others: Images, tmp_path: Path
) -> None:
    options = replace(OPTIONS, epochs=1)
    pair = make_pair(checkpoint, None, Cut(layers=2), options)
    task = pair.task(list(images), list(others), options)
    wish = Cancellation()
    wish.cancel()
    plan = plan_loop(options, len(images), options.batch, weighs_start=True)
    loop = TrainingLoop(task, plan, str(tmp_path), Acceleration("cpu", "fp32"), cancellation=wish)
    with pytest.raises(CancelledError, match="stopped after step 0"):
        loop.run()
    run(task, tmp_path)
    steps = [line["step"] for line in MetricsFile(f"{tmp_path}/metrics.jsonl").lines()]
    assert steps.count(0) == 1


def test_first_blocks_are_not_pulled_to_later_ones_at_once(
    checkpoint: Checkpoint, images: Images
) -> None:
    """Only where nothing else is said; the norm behind them learns faster, and they slower."""

    def task(cut: Cut, options: DistillingOptions = OPTIONS) -> Distillation:
        return make_pair(checkpoint, None, cut, options).task(list(images), [], options)

    short, narrow = task(Cut(layers=2)), task(Cut(width=16))
    asked = task(Cut(layers=2), replace(OPTIONS, vectors=0.5, tokens=0.2))
    both = task(Cut(layers=2, width=16))  # whose blocks have lost channels
    weights = [(one.options.vectors, one.options.tokens) for one in (short, narrow, both, asked)]
    assert weights == [(0, 0), (1.0, 0.1), (1.0, 0.1), (0.5, 0.2)]
    assert all(group.share == 1 for group in both.groups())
    assert (short.student.layers, asked.student.layers) == ((), (2,))
    assert asked.teacher.layers == (3,)
    groups = short.groups()
    assert {group.share for group in groups} == {0.25, 0.5, 1.0, 100.0}
    swift = [group for group in groups if group.share > 1]
    assert sorted(one.shape for group in swift for one in group.parameters) == [(32,), (32,)]
    full = {id(one) for group in groups if group.share == 1 for one in group.parameters}
    for name, one in short.trained().items():
        if "layer." in name:
            assert (id(one) in full) == ("layer.1." in name), name
    assert all(group.share == 1 for group in narrow.groups())
    counted = sum(len(group.parameters) for group in short.groups())
    assert counted == len(short.trained())


def test_images_of_the_first_steps_are_seen_at_half_their_side(
    checkpoint: Checkpoint, images: Images, others: Images, tmp_path: Path
) -> None:
    options = replace(OPTIONS, epochs=4, coarse=0.4, vectors=1.0, tokens=0.1)
    pair = make_pair(checkpoint, None, Cut(layers=2), options)
    task = pair.task(list(images), [], options)  # judged by none: the last state is kept
    seen: list[int] = []
    for step in range(8):
        ours, theirs = task._batch(step)
        assert ours is theirs
        seen.append(ours.shape[1])
    assert seen == [16] * 3 + [32] * 5
    before = apart(task)
    run(task, tmp_path / "run")
    assert apart(task) < before  # as they are seen in use


@pytest.mark.parametrize("name", [name for name in TOWERS if name != "dinov3"])
def test_towers_of_all_families_see_coarse_images_and_whole_ones_as_before(
    name: str, tmp_path: Path
) -> None:
    save_tower(name, tmp_path / "teacher")
    teacher = find_encoder_checkpoint(str(tmp_path / "teacher"))
    options = replace(OPTIONS, space=f"mean@{teacher.depth}", coarse=1.0)
    whole, coarse = pixels(2), pixels(2, SIDE // 2)
    tower = make_pair(teacher, None, Cut(layers=2), options).towers[0]
    usual = make_pair(teacher, None, Cut(layers=2), replace(options, coarse=0.0)).towers[0]
    with torch.no_grad():
        made = tower.make(torch.from_numpy(whole), ()).vectors
        torch.testing.assert_close(made, usual.make(torch.from_numpy(whole), ()).vectors)
        small = tower.make(torch.from_numpy(coarse), (1,)).tokens[1]
    assert small.shape[1] == tower.prefix + (SIDE // 2 // tower.side) ** 2


def test_positions_that_turn_are_not_seen_coarse(tmp_path: Path) -> None:
    save_tower("dinov3", tmp_path / "teacher")
    teacher = find_encoder_checkpoint(str(tmp_path / "teacher"))
    with pytest.raises(InputError, match=r"rotations.*leave out --coarse"):
        make_pair(teacher, None, Cut(layers=2), replace(OPTIONS, coarse=1.0))


@pytest.mark.parametrize("logits", [0.0, 1.0])
def test_first_blocks_have_to_be_given_something_to_learn(
    logits: float, checkpoint: Checkpoint
) -> None:
    """Logits say nothing here, since there is no head."""
    options = replace(OPTIONS, relations=0, logits=logits)
    with pytest.raises(InputError, match="nothing is left to be learned"):
        make_pair(checkpoint, None, Cut(layers=2), options)
    assert make_pair(checkpoint, None, Cut(layers=2, width=16), options)


def test_a_student_of_another_family_and_size_learns(
    checkpoint: Checkpoint, images: Images, others: Images, tmp_path: Path
) -> None:
    """Other patches than the teacher's, so that tokens are not compared; and no class token."""
    save_tower("dinov2-interpolated", tmp_path / "student")
    student = find_encoder_checkpoint(str(tmp_path / "student"))
    options = replace(OPTIONS, space="mean@3", tokens=1.0)
    pair = make_pair(checkpoint, student, Cut(), options)
    task = pair.task(list(images), list(others), options)
    assert [space.name for space in pair.spaces] == ["mean@3", "mean@3"]
    before = apart(task)
    run(task, tmp_path / "run")
    assert apart(task) < before


def test_answers_of_the_head_are_learned(images: Images, tmp_path: Path) -> None:
    save_classifier("vit", tmp_path / "teacher")
    teacher = find_encoder_checkpoint(str(tmp_path / "teacher"))
    options = replace(OPTIONS, vectors=0, relations=0, tokens=0)
    pair = make_pair(teacher, None, Cut(layers=2), options)
    task = pair.task(list(images), [], options)  # all is learned to the end
    batch = torch.from_numpy(np.stack([task.student.images.plain(i) for i in range(16)]))

    def off() -> float:
        for tower in pair.towers:
            tower.eval()
        with torch.no_grad():
            made = [tower.make(batch, ()).logits for tower in pair.towers]
        assert made[0] is not None
        assert made[1] is not None
        return float((made[0].softmax(-1) - made[1].softmax(-1)).abs().mean())

    before = off()
    run(task, tmp_path / "run")
    assert off() < 0.6 * before


def test_a_student_is_a_checkpoint_like_any_other(
    checkpoint: Checkpoint, images: Images, others: Images, tmp_path: Path
) -> None:
    options = replace(OPTIONS, epochs=1)
    pair = make_pair(checkpoint, None, Cut(layers=2, width=16), options)
    task = pair.task(list(images), list(others), options)
    run(task, tmp_path / "run")
    wanted = task.vectors(task.student, task.student.validation)
    save_model(pair.model, pair.student, str(tmp_path / "out"), {"made by": "a test"})
    settings = EncoderSettings(str(tmp_path / "out"), ("cls@2",), "torch", "cpu", "fp32")
    encoder = load_encoder(settings)
    pixels = np.stack([task.student.validation.plain(i) for i in range(len(others))])
    np.testing.assert_allclose(encoder.encode(pixels).vectors["cls@2"], wanted, atol=1e-5)


def test_fidelity_tells_a_good_student_from_a_bad_one(
    checkpoint: Checkpoint, images: Images, others: Images
) -> None:
    pair = make_pair(checkpoint, None, Cut(layers=2), OPTIONS)
    task = pair.task([], list(others), OPTIONS)
    twin = Distillation(task.teacher, task.teacher, pair.model, OPTIONS)
    same = measure(twin, (7, 7), lambda image: [image])
    assert (same.images, same.neighbours) == (len(others), 1.0)
    assert same.teacher.copies == same.student.copies == 1.0
    assert same.teacher.speed > 0
    with torch.no_grad():
        for parameter in pair.model.parameters():
            parameter.zero_()
    bad = measure(task, (7, 3), lambda image: [image])
    assert bad.student.copies is not None
    assert bad.student.copies < 0.5
    assert bad.to_dict()["student"]["parameters"] == 3


def test_neighbours_that_are_kept_are_counted() -> None:
    rows = np.eye(6, dtype=np.float32) + 0.1 * np.arange(6, dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert neighbours_kept(rows, rows, k=2) == 1.0
    chance = np.random.default_rng(0).standard_normal((400, 8)).astype(np.float32)
    other = np.random.default_rng(1).standard_normal((400, 8)).astype(np.float32)
    assert neighbours_kept(chance, other, k=10) == pytest.approx(10 / 399, abs=0.02)
    assert likeness(chance, chance) == pytest.approx(1)
    assert abs(likeness(chance, other)) < 0.1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"vectors": 0, "relations": 0, "tokens": 0, "logits": 0}, "nothing is to be learned"),
        ({"batch": 7, "accumulate": 3}, "leaves no three images in one.*at most 2"),
        ({"temperature": 0.0}, "temperature is 0.0; give a number from above 0 to 100"),
        ({"tokens": float("nan")}, "tokens is nan"),
        ({"batch": 2}, "batch is 2; give 3 or more"),
        ({"coarse": 1.5}, "coarse is 1.5; give a number from 0 to 1"),
    ],
)
def test_options_that_cannot_be_used_are_told(options: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        DistillingOptions(**options)  # type: ignore[arg-type]
