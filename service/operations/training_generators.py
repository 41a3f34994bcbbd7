"""A Stable Diffusion fine-tuned on captioned images: to a model directory, and LoRA files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from vitrail.indexer.cancellation import Cancellation
from vitrail.service.operations.generator_lessons import GeneratorLesson
from vitrail.service.operations.generator_records import (
    BegunGenerator,
    GeneratorRequest,
    TrainedGenerator,
    read_begun_generator,
    write_begun_generator,
)
from vitrail.service.operations.progress import AnalysisProgress, Note, Progress, nobody
from vitrail.service.operations.training_memory import enough_memory
from vitrail.service.operations.training_records import (
    DONE_ALREADY,
    GENERATOR,
    check_same,
    read_done,
    run_folder,
    write_done,
)

if TYPE_CHECKING:
    from vitrail.generator.checkpoints.files import CheckpointInfo
    from vitrail.generator.training.adapting import GeneratorTrainee
    from vitrail.generator.training.tuning import GeneratorTuning
    from vitrail.indexer.training.acceleration import Acceleration
    from vitrail.indexer.training.tasks import LoopProgress, LoopResult

_SHOWN = 4  # captions on a sheet
_SEEDS = (0, 1, 2, 3)


def train_generator(
    request: GeneratorRequest,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> TrainedGenerator:
    """Fine-tune a Stable Diffusion, or go on with what was begun in the folder.

    Args:
        request: what is to be learned by what.
        progress: told how far it is.
        cancellation: looked at between the parts of steps.

    Raises:
        InputError: sources, options or a checkpoint that nothing can be learned from or by, or the
            folder holds something else.
        CheckpointError: the checkpoint cannot be had, or what lies in the folder is damaged.
        TrainingError: the loss is no number any more, or memory is too small.
        CollectionError: the disk is full, or the collection cannot be read.
        CollectionLockedError: another process trains into the folder.
        CancelledError: somebody asked to stop; what was learned is kept.
    """
    from vitrail.generator.checkpoints.files import find_checkpoint
    from vitrail.generator.training.adapting import check_trainable
    from vitrail.indexer.training.acceleration import Acceleration
    from vitrail.indexer.training.states import forget_states

    info = find_checkpoint(request.model)
    side = check_trainable(info, request.options.side)
    acceleration = Acceleration(request.options.device, request.options.precision)
    folder = os.path.abspath(request.folder)
    with run_folder(folder, GENERATOR) as inner:
        work = _Work(
            request,
            info,
            side,
            folder,
            inner,
            acceleration,
            progress,
            cancellation or Cancellation(),
        )
        with work.undisturbed():
            trained = work.run()
        forget_states(inner)
    return trained


@dataclass(slots=True)
class _Work:
    """One call of ``train_generator``."""

    request: GeneratorRequest
    info: CheckpointInfo
    side: int
    folder: str
    inner: str
    acceleration: Acceleration
    progress: Progress
    cancellation: Cancellation
    _prompts: tuple[str, ...] = field(default=())

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Have the libraries to oneself; a small model learns on one thread, as it draws."""
        from vitrail.generator.models.libraries import threads, turn

        alone = self.info.small and self.acceleration.device.type == "cpu"
        with turn(self.cancellation.check), threads(1 if alone else None), self._memory():
            yield

    def _memory(self) -> AbstractContextManager[None]:
        what = f"{self.info.name!r} at {self.side}x{self.side}"
        other = "a smaller --side" + (" or --method lora" if self._whole else "")
        return enough_memory(
            what, f"close other programs and run again, or train into another folder with {other}"
        )

    @property
    def _whole(self) -> bool:
        return self.request.options.method == "full"

    def run(self) -> TrainedGenerator:
        """Find the images, learn, and write the model."""
        from vitrail.generator.training.adapting import build_trainee

        settings = self.request.settings(self.info.content_hash)
        begun = read_begun_generator(self.inner)
        if begun is not None:
            check_same(begun, settings, self.request.options, self.folder, GENERATOR)
            parse = partial(TrainedGenerator.from_dict, folder=self.folder)
            if (earlier := read_done(self.inner, parse, GENERATOR)) is not None:
                self.progress(Note(DONE_ALREADY))
                return earlier
        images = self._lesson.images() if begun is None else begun.images
        self.progress(AnalysisProgress("loading the checkpoint"))
        trainee = build_trainee(self.info, self.request.options)
        trainee.pipeline.to(self.acceleration.device)
        if begun is None:
            begun = BegunGenerator(settings, images, self._lesson.prior(trainee))
            write_begun_generator(self.inner, begun)
        captions = tuple(dict.fromkeys(image.caption for image in begun.images))
        self._prompts = self.request.samples or captions[:_SHOWN]
        result = self._learn(trainee, begun)
        self._save(trainee, begun, captions)
        trained = self._told(begun, captions, result)
        write_done(self.inner, trained.to_dict())
        return trained

    @property
    def _lesson(self) -> GeneratorLesson:
        return GeneratorLesson(
            self.request, self.info, self.side, self.inner, self.progress, self.cancellation
        )

    # Training

    def _learn(self, trainee: GeneratorTrainee, begun: BegunGenerator) -> LoopResult:
        from vitrail.generator.training.kept import keep_weights
        from vitrail.generator.training.samples import Sampler, write_sheet
        from vitrail.generator.training.tuning import plan_of
        from vitrail.indexer.training.loop import TrainingLoop

        task = self._lesson.task(trainee, begun)
        plan = plan_of(self.request.options)
        loop = TrainingLoop(
            task, plan, self.inner, self.acceleration, self._tell, self.cancellation
        )
        sampler = Sampler(trainee.pipeline, self.info, self.side)

        def sheet(check: Callable[[], None]) -> None:
            self.progress(AnalysisProgress("drawing samples"))
            write_sheet(sampler, self._prompts, _SEEDS, self._sheet(loop.step), check)
            if loop.step and self.request.options.keeps:
                keep_weights(self.inner, loop.step, trainee.trained())

        task.sheet = sheet
        self._look_first(task)
        return loop.run()

    def _look_first(self, task: GeneratorTuning) -> None:
        """The loss and a sheet before anything is learned, where a run has none yet."""
        import torch

        from vitrail.indexer.files.durability import disk_guard
        from vitrail.indexer.training.metrics import MetricsFile

        metrics = MetricsFile(self._metrics)
        if any(line["step"] == 0 for line in metrics.lines()):
            return
        task.to(self.acceleration.device)
        with self.acceleration.autocast(), torch.no_grad():
            found = task.evaluate(self.cancellation.check)
        with disk_guard(self.inner, 0):
            metrics.append({"step": 0, "validation": found.told if found else {}})

    @property
    def _metrics(self) -> str:
        return os.path.join(self.inner, "metrics.jsonl")

    def _sheet(self, step: int) -> str:
        return os.path.join(self.inner, "sheets", f"step-{step:06d}.png")

    def _tell(self, where: LoopProgress) -> None:
        measures = ", ".join(f"{name} {value:.4f}" for name, value in where.measures.items())
        told = f"loss {where.loss:.4f}" + (f"; {measures}" if measures else "")
        self.progress(AnalysisProgress("training", where.step, where.steps, "step", told))

    # After

    def _save(
        self, trainee: GeneratorTrainee, begun: BegunGenerator, captions: tuple[str, ...]
    ) -> None:
        from vitrail.generator.training.saving import save_generator

        self.progress(AnalysisProgress("writing the model"))
        save_generator(trainee, self.folder, {"trained": begun.told}, captions)

    def _told(
        self, begun: BegunGenerator, captions: tuple[str, ...], result: LoopResult
    ) -> TrainedGenerator:
        from vitrail.generator.training.saving import low_rank_files, token_files
        from vitrail.indexer.training.metrics import MetricsFile

        looked = [line for line in MetricsFile(self._metrics).lines() if "validation" in line]
        losses = [float(line["validation"]["fixed loss"]) for line in looked]
        return TrainedGenerator(
            folder=self.folder,
            source=self.info.name,
            method=self.request.options.method,
            images=len(begun.images),
            prior=len(begun.prior),
            captions=captions,
            steps=result.steps,
            loss=(losses[0], losses[-1]),
            sheet=self._sheet(result.steps),
            low_rank=tuple(low_rank_files(self.folder)),
            tokens=tuple(token_files(self.folder)),
        )
