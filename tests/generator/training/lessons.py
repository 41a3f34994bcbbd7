"""Lessons of painted squares for tiny checkpoints, and runs over them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image

from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.models.libraries import quiet
from vitrail.generator.training.adapting import GeneratorTrainee, build_trainee
from vitrail.generator.training.captioned import CaptionedImage, encode_images, keep_captions
from vitrail.generator.training.options import GeneratorOptions
from vitrail.generator.training.tuning import (
    CaptionedLesson,
    GeneratorTuning,
    number_captions,
    plan_of,
)
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.training.acceleration import Acceleration
from vitrail.indexer.training.loop import TrainingLoop
from vitrail.indexer.training.tasks import LoopProgress, LoopResult

COLOURS = ("red", "blue", "green", "yellow")


def paint(folder: Path, count: int = 4) -> list[CaptionedImage]:
    """So many images of 40x36 pixels, each of a colour and with a caption of it."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(count):
        colour = COLOURS[number % len(COLOURS)]
        image = Image.new("RGB", (40, 36), colour)
        image.paste(Image.new("RGB", (10, 10 + number), "white"), (3 + number, 5))
        path = folder / f"{number}.png"
        image.save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        made.append(CaptionedImage(str(path), digest, f"a {colour} cat"))
    return made


def make_task(
    info: CheckpointInfo,
    images: list[CaptionedImage],
    options: GeneratorOptions,
    prior: list[CaptionedImage] | None = None,
    trainee: GeneratorTrainee | None = None,
) -> GeneratorTuning:
    """A task over images, and those of a prior, as a run makes it."""
    trainee = trainee or build_trainee(info, options)
    every = (*images, *(prior or []))
    captions, said = number_captions(every)
    with quiet():
        latents = encode_images(
            trainee.pipeline, every, info.native, mirror=options.mirror, tell=lambda _: None
        )
        told = None if trainee.texts else keep_captions(trainee.pipeline, captions, lambda _: None)
    lesson = CaptionedLesson(every, len(images), latents, told, captions, said)
    return GeneratorTuning(trainee, lesson, options)


def run(
    task: GeneratorTuning,
    folder: Path,
    on_step: Callable[[LoopProgress], None] = lambda _: None,
    cancellation: Cancellation | None = None,
) -> LoopResult:
    """Train in a folder, from where the last run there ended."""
    folder.mkdir(exist_ok=True)
    return TrainingLoop(
        task,
        plan_of(task.options),
        str(folder),
        Acceleration("cpu", task.options.precision),
        on_step,
        cancellation or Cancellation(),
    ).run()


def learned(task: GeneratorTuning) -> dict[str, torch.Tensor]:
    """What has learned, by name."""
    return {name: one.detach().clone() for name, one in task.trained().items()}
