from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.indexer.training.runs import make_task, run, same, weights
from vitrail.indexer.encoders.checkpoints import Checkpoint
from vitrail.indexer.training.acceleration import Acceleration
from vitrail.indexer.training.finetuning import Finetuning, make_batch, plan_of
from vitrail.indexer.training.options import FinetuningOptions
from vitrail.indexer.training.samples import LabelledImage

PLAIN = FinetuningOptions(
    epochs=2, batch=8, precision="fp32", workers=1, augmentation="light", learning_rate=3e-3
)
Images = Sequence[LabelledImage]


def gradients(task: Finetuning, precision: str = "fp32") -> dict[str, torch.Tensor]:
    """Of the first step."""
    acceleration = Acceleration("cpu", precision)
    task.to(acceleration.device)
    torch.manual_seed(0)
    parts = task.losses(0)
    while True:
        with acceleration.autocast():
            part = next(parts, None)
        if part is None:
            break
        acceleration.backward(part.loss)
    task.close()
    trained = task.trained().items()
    return {name: one.grad for name, one in trained if one.grad is not None}


def farthest(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """The largest difference, as a share of the largest gradient."""
    assert one.keys() == other.keys()
    top = max(float(value.abs().max()) for value in one.values())
    return max(float((one[key] - other[key]).abs().max()) for key in one) / top


def teach(task: Finetuning) -> None:
    """Give the head something to say, so that gradients reach the blocks."""
    chance = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for name, one in task.trained().items():
            if name.startswith("classifier"):
                one.copy_(torch.randn(one.shape, generator=chance))


@pytest.mark.parametrize(
    "options",
    [
        PLAIN,
        replace(PLAIN, mixup=0.4, balanced=True),
        replace(PLAIN, objective="contrastive"),
        replace(PLAIN, objective="both", lora=2),
    ],
    ids=["cross-entropy", "mixed", "contrastive", "both"],
)
def test_parts_of_a_batch_give_the_gradient_of_the_whole(
    checkpoint: Checkpoint, images: Images, options: FinetuningOptions
) -> None:
    found = []
    for accumulate in (1, 3):
        task = make_task(checkpoint, images, (), replace(options, accumulate=accumulate))
        teach(task)
        found.append(gradients(task))
    assert farthest(*found) < 2e-5


def test_bf16_is_close_and_not_the_same(checkpoint: Checkpoint, images: Images) -> None:
    found = []
    for precision in ("fp32", "bf16"):
        task = make_task(checkpoint, images, (), PLAIN)
        teach(task)
        found.append(gradients(task, precision))
    pairs = [(found[0][key].flatten(), found[1][key].flatten()) for key in found[0]]
    exact, rough = (torch.cat(one) for one in zip(*pairs, strict=True))
    cosine = float(torch.nn.functional.cosine_similarity(exact, rough, dim=0))
    assert 0.995 < cosine < 1
    assert all(value.dtype == torch.float32 for value in found[1].values())


def test_a_contrastive_batch_shows_each_image_twice_in_two_ways(
    checkpoint: Checkpoint, images: Images
) -> None:
    options = replace(PLAIN, objective="contrastive")
    task = make_task(checkpoint, images, (), options)
    batch = make_batch(task.images, options, 0)
    assert len(batch.targets) == 8
    assert batch.targets[:4].tolist() == batch.targets[4:].tolist()
    assert not (batch.pixels[:4] == batch.pixels[4:]).all(axis=(1, 2, 3)).any()


def test_mixed_images_have_mixed_labels(checkpoint: Checkpoint, images: Images) -> None:
    options = replace(PLAIN, mixup=1.0, smoothing=0.0, augmentation="none")
    task = make_task(checkpoint, images, (), options)
    plain = make_batch(task.images, replace(options, mixup=0.0), 0)
    mixed = make_batch(task.images, options, 0)
    assert 0.5 <= mixed.share < 1
    shares = task._shares(mixed)
    assert shares.sum(dim=1).numpy() == pytest.approx(np.ones(8))
    other = (mixed.pixels - mixed.share * plain.pixels) / (1 - mixed.share)
    assert sorted(np.round(other).reshape(8, -1).sum(axis=1).tolist()) == pytest.approx(
        sorted(plain.pixels.reshape(8, -1).sum(axis=1).astype(float).tolist()), rel=1e-3
    )


def test_an_epoch_is_evaluated_once() -> None:
    plan = plan_of(replace(PLAIN, epochs=3, batch=8), 20)
    assert (plan.steps, plan.evaluate_every) == (8, 3)
    plan = plan_of(replace(PLAIN, epochs=3, batch=8, objective="both"), 20)
    assert (plan.steps, plan.evaluate_every) == (15, 5)


@pytest.mark.parametrize("objective", ["cross-entropy", "contrastive", "both"])
def test_what_is_taught_is_learned(
    checkpoint: Checkpoint, images: Images, tmp_path: Path, objective: str
) -> None:
    options = FinetuningOptions(
        objective=objective,  # type: ignore[arg-type]
        epochs=16,
        batch=8,
        precision="fp32",
        workers=1,
        augmentation="none",
        learning_rate=3e-3,
    )
    task = make_task(checkpoint, images, images, options)
    result = run(task, tmp_path / "run")
    assert result.best is not None
    assert result.best.told["accuracy"] >= 0.8


def test_the_same_seed_learns_the_same_and_another_one_otherwise(
    checkpoint: Checkpoint, images: Images, tmp_path: Path
) -> None:
    found = []
    for number, options in enumerate((PLAIN, replace(PLAIN, workers=3), replace(PLAIN, seed=1))):
        task = make_task(checkpoint, images, (), options)
        run(task, tmp_path / str(number))
        found.append(weights(task))
    assert same(found[0], found[1])
    assert not same(found[0], found[2])
