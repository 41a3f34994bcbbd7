"""Runs over striped images, small enough for many of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.encoders.checkpoints import Checkpoint
from vitrail.indexer.training.acceleration import Acceleration
from vitrail.indexer.training.finetuning import Finetuning, Judge, plan_of
from vitrail.indexer.training.loop import TrainingLoop
from vitrail.indexer.training.options import FinetuningOptions
from vitrail.indexer.training.samples import LabelledImage, TrainingImages
from vitrail.indexer.training.tasks import LoopProgress, LoopResult
from vitrail.indexer.training.trainee import build_trainee

NAMES = ("across", "down")


def make_task(
    checkpoint: Checkpoint,
    images: Sequence[LabelledImage],
    validation: Sequence[LabelledImage],
    options: FinetuningOptions,
    judge: Judge | None = None,
) -> Finetuning:
    spec = checkpoint.preprocess
    return Finetuning(
        build_trainee(checkpoint, NAMES, options),
        TrainingImages(images, spec, options.augmentation, options.seed),
        TrainingImages(validation, spec),
        options,
        judge,
    )


def run(
    task: Finetuning,
    folder: Path,
    *,
    on_step: Callable[[LoopProgress], None] = lambda _: None,
    cancellation: Cancellation | None = None,
    patient_from: int = 0,
) -> LoopResult:
    """Train in a folder, from where the last run there ended."""
    folder.mkdir(exist_ok=True)
    options = task.options
    loop = TrainingLoop(
        task,
        replace(plan_of(options, len(task.images)), patient_from=patient_from),
        str(folder),
        Acceleration("cpu", options.precision),
        on_step,
        cancellation or Cancellation(),
    )
    try:
        return loop.run()
    finally:
        task.close()


def weights(task: Finetuning) -> dict[str, torch.Tensor]:
    return {name: one.detach().clone() for name, one in task.trainee.model.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Whether every bit is."""
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
