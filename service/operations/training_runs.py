"""One run of a training: how it begins, learns, and is measured in the end."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import InputError
from vitrail.indexer.vectors.sampling import evenly_spaced
from vitrail.search.measures import Interval, interval
from vitrail.service.operations.encoder_records import BegunRun
from vitrail.service.operations.progress import AnalysisProgress, Progress
from vitrail.service.operations.training_images import (
    Surveyed,
    TrainingSource,
    find_training_images,
    group_copies,
    survey_images,
)
from vitrail.service.operations.training_measures import compare, precisions
from vitrail.service.operations.training_results import TrainedEncoder
from vitrail.service.operations.training_vectors import TrainingVectors
from vitrail.service.operations.tuning_samples import ALTERED

if TYPE_CHECKING:
    from vitrail.indexer.encoders.checkpoints import Checkpoint
    from vitrail.indexer.training.acceleration import Acceleration
    from vitrail.indexer.training.finetuning import Finetuning
    from vitrail.indexer.training.options import FinetuningOptions
    from vitrail.indexer.training.samples import LabelledImage
    from vitrail.indexer.training.splits import SplitShares
    from vitrail.indexer.training.tasks import LoopProgress, LoopResult

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]
COPIED = 60
"""Held-out images of which copies are made, at most."""


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What a run learns from, how, and whom it tells.

    Attributes:
        source: the checkpoint that learns.
        options: how.
        shares: of the images by which is validated, and which are held out.
        progress: told how far it is.
        cancellation: looked at between the parts of steps.
    """

    source: Checkpoint
    options: FinetuningOptions
    shares: SplitShares
    progress: Progress
    cancellation: Cancellation

    @property
    def space(self) -> str:
        """Whose vectors are moved."""
        from vitrail.indexer.training.trainee import trained_space

        return trained_space(self.source, self.options).name

    @property
    def vectors(self) -> TrainingVectors:
        """In the space that is moved, and in what the checkpoint is searched by."""
        usual = [space.name for space in self.source.select() if space.pooling != "proj"]
        return TrainingVectors(
            tuple(dict.fromkeys([self.space, *usual])),
            self.options.device,
            self.options.workers,
            self.progress,
            self.cancellation,
        )

    def begin(self, source: TrainingSource, settings: dict[str, Any]) -> BegunRun:
        """Look at all images, once.

        Args:
            source: where they are.
            settings: what must be the same for the run to go on.

        Raises:
            InputError: there is nothing that could be learned.
            CancelledError: somebody asked to stop.
        """
        from vitrail.indexer.training.splits import split

        candidates = find_training_images(source)
        if self.shares.labels:
            self.shares.check(len({one.label for one in candidates}))
        vectors = self.vectors
        encoder = vectors.encoder(self.source.name)
        surveyed = survey_images(
            candidates,
            encoder,
            self.progress,
            self.cancellation,
            workers=self.options.workers,
        )
        names = np.array(_labels(surveyed))
        targets = np.searchsorted(names, [image.label for image in surveyed.images])
        groups = group_copies(surveyed, vectors.spaces[-1], self.progress, self.cancellation)
        contents = [image.content_hash for image in surveyed.images]
        parts = split(contents, targets, groups, self.shares, self.options.seed)
        order = _learned_first(targets, parts, len(names))
        run = BegunRun(
            settings,
            tuple(names[order].tolist()),
            surveyed.images,
            np.argsort(order)[targets].astype(np.int64),
            groups,
            parts,
            _to_copy(parts),
            before={},
        )
        run.before.update(vectors.measured(run, encoder, surveyed.rows))
        return run

    def train(
        self, run: BegunRun, folder: str, inner: str, acceleration: Acceleration
    ) -> LoopResult:
        """Learn, and write the model.

        Args:
            run: as it began.
            folder: of the model.
            inner: of what is about its making.
            acceleration: device and precision.
        """
        from vitrail.indexer.training.finetuning import plan_of
        from vitrail.indexer.training.loop import TrainingLoop
        from vitrail.indexer.training.saving import save_model

        task = self._task(run)
        plan = plan_of(self.options, len(task.images))
        loop = TrainingLoop(task, plan, inner, acceleration, self._tell, self.cancellation)
        try:
            result = loop.run()
        finally:
            task.close()
        task.trainee.merge()
        # without the source: whoever is given the model need not know whose folders it learned from
        told = {name: value for name, value in run.settings.items() if name != "source"}
        save_model(task.trainee.model, self.source, folder, {"trained": told})
        return result

    def _task(self, run: BegunRun) -> Finetuning:
        from vitrail.indexer.training.finetuning import Finetuning
        from vitrail.indexer.training.samples import TrainingImages
        from vitrail.indexer.training.splits import TRAINING, VALIDATION
        from vitrail.indexer.training.trainee import build_trainee

        spec, options = self.source.preprocess, self.options
        groups = run.groups[run.parts == VALIDATION]

        def judge(rows: Floats, targets: Ids) -> dict[str, float]:
            found = precisions(rows, targets, groups)
            return {"mAP": float(found.mean())} if len(found) else {}

        learned = TrainingImages(_images(run, TRAINING), spec, options.augmentation, options.seed)
        return Finetuning(
            build_trainee(self.source, run.learned, options),
            learned,
            TrainingImages(_images(run, VALIDATION), spec),
            options,
            judge,
        )

    def _tell(self, where: LoopProgress) -> None:
        told = f"loss {where.loss:.3f}"
        if where.measures:
            measures = ", ".join(f"{name} {value:.3f}" for name, value in where.measures.items())
            told += f"; validated: {measures}"
        self.progress(AnalysisProgress("training", where.step, where.steps, "step", told))

    def report(self, run: BegunRun, folder: str, inner: str, result: LoopResult) -> TrainedEncoder:
        """Measure the model that was written.

        Args:
            run: as it began.
            folder: of the model.
            inner: of what is about its making.
            result: what came of the loop.
        """
        from vitrail.indexer.training.metrics import MetricsFile
        from vitrail.indexer.training.splits import UNSEEN
        from vitrail.indexer.training.trainee import check_head

        vectors = self.vectors
        encoder = vectors.encoder(folder, classify=check_head(self.source, self.options))
        rows, logits = vectors.rows(run, encoder)
        # where only the head learned, no vector has moved
        moved = not self.options.head_only
        after = vectors.measured(run, encoder, rows) if moved else run.before
        compared = [
            one
            for space, found in after.items()
            for one in compare(space, run.before[space], found, len(ALTERED))
        ]
        accuracy, confusion = _head(run, logits)
        return TrainedEncoder(
            folder=folder,
            source=self.source.name,
            space=self.space,
            classes=run.learned,
            unseen=run.classes[len(run.learned) :],
            parts=run.counts(),
            unseen_images=int((run.parts == UNSEEN).sum()),
            copied=len(run.groups) - len(np.unique(run.groups)),
            steps=result.steps,
            best_step=result.best_step,
            accuracy=accuracy,
            confusion=confusion,
            compared=tuple(compared),
            metrics=tuple(MetricsFile(os.path.join(inner, "metrics.jsonl")).lines()),
        )


def _labels(surveyed: Surveyed) -> list[str]:
    found = sorted({image.label for image in surveyed.images})
    if len(found) < 2:
        has = f"the label {found[0]!r} alone" if found else "no image that can be read"
        raise InputError(
            f"there is {has}, where two labels are needed to tell images apart: name a folder "
            "with a subfolder for each, or a column with several values"
        )
    return found


def _learned_first(targets: Ids, parts: Ids, count: int) -> NDArray[np.intp]:
    """The numbers of all labels, those that are held out whole last."""
    from vitrail.indexer.training.splits import UNSEEN

    unseen = np.isin(np.arange(count), targets[parts == UNSEEN])
    return np.argsort(unseen, kind="stable")


def _to_copy(parts: Ids) -> Ids:
    """Places of the images that copies are made of, spread over what nothing is learned from."""
    from vitrail.indexer.training.splits import HELD_OUT, UNSEEN

    held = np.flatnonzero(np.isin(parts, (HELD_OUT, UNSEEN)))
    if not len(held):
        return held
    return held[evenly_spaced(len(held), min(COPIED, len(held)))]


def _images(run: BegunRun, part: int) -> list[LabelledImage]:
    from vitrail.indexer.training.samples import LabelledImage

    return [
        LabelledImage(run.images[i].path, run.images[i].content_hash, int(run.targets[i]))
        for i in np.flatnonzero(run.parts == part).tolist()
    ]


def _head(run: BegunRun, logits: Floats | None) -> tuple[Interval | None, Ids]:
    """How often the head is right about held-out images, and what it takes for what."""
    from vitrail.indexer.training.splits import HELD_OUT

    held, count = run.parts == HELD_OUT, len(run.learned)
    confusion = np.zeros((count, count), np.int64)
    if logits is None or not held.any():
        return None, confusion
    guessed, truth = logits[held].argmax(axis=1), run.targets[held]
    np.add.at(confusion, (truth, guessed), 1)
    return interval((guessed == truth).astype(np.float64)), confusion
