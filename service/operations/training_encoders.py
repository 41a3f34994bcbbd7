"""A ViT fine-tuned on labelled images: from folders or a collection to a model directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.encoders.exports import refuse_export
from vitrail.indexer.encoders.settings import DEFAULT_CHECKPOINT, EncoderSettings
from vitrail.indexer.errors import InputError
from vitrail.indexer.indexing.ahead import map_ahead
from vitrail.indexer.vectors.sampling import evenly_spaced
from vitrail.search.measures import Interval, interval
from vitrail.service.operations.progress import AnalysisProgress, Progress, nobody
from vitrail.service.operations.training_images import (
    Surveyed,
    TrainingSource,
    find_training_images,
    group_copies,
    survey_images,
)
from vitrail.service.operations.training_measures import (
    ComparedRetrieval,
    HeldOutRetrieval,
    compare,
    precisions,
)
from vitrail.service.operations.training_records import (
    BegunRun,
    check_same,
    read_begun,
    run_folder,
    settings_of,
    write_begun,
    write_done,
)
from vitrail.service.operations.tuning_samples import ALTERED, altered_copies, image_to_copy

if TYPE_CHECKING:
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.indexer.encoders.checkpoints import Checkpoint
    from vitrail.indexer.training.acceleration import Acceleration
    from vitrail.indexer.training.finetuning import Finetuning
    from vitrail.indexer.training.options import FinetuningOptions
    from vitrail.indexer.training.splits import SplitShares
    from vitrail.indexer.training.tasks import LoopProgress, LoopResult

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]
COPIED = 60
"""Held-out images of which copies are made, at most."""
_BATCH = 16


@dataclass(frozen=True, slots=True, eq=False)
class TrainedEncoder:
    """What came of a training.

    Attributes:
        folder: the model directory.
        source: the checkpoint that it was.
        space: whose vectors were moved.
        classes: labels, in order.
        parts: how many images were trained on, validated with and held out.
        copied: images that are copies of others, with which they stayed on one side.
        steps: done.
        best_step: after which the model was best, as it is now.
        accuracy: how often the head is right about held-out images; ``None`` without a head, or
            where nothing was held out.
        confusion: (c, c) int64 held-out images, by their label and the one the head tells.
        compared: retrieval of held-out images before and after, by space and measure.
        metrics: lines of the run: losses and validations, by step.
    """

    folder: str
    source: str
    space: str
    classes: tuple[str, ...]
    parts: tuple[int, int, int]
    copied: int
    steps: int
    best_step: int
    accuracy: Interval | None
    confusion: Ids
    compared: tuple[ComparedRetrieval, ...]
    metrics: tuple[dict[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types, without the metrics, which have a file of their own."""
        one = self.accuracy
        return {
            "folder": self.folder,
            "source": self.source,
            "space": self.space,
            "classes": list(self.classes),
            "images": dict(zip(("training", "validation", "held_out"), self.parts, strict=True)),
            "copies": self.copied,
            "steps": self.steps,
            "best_step": self.best_step,
            "accuracy": None if one is None else [one.mean, one.low, one.high],
            "confusion": self.confusion.tolist(),
            "retrieval": [compared.to_dict() for compared in self.compared],
        }


def train_encoder(
    source: TrainingSource,
    folder: str,
    options: FinetuningOptions,
    *,
    checkpoint: str | None = None,
    shares: SplitShares | None = None,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> TrainedEncoder:
    """Fine-tune a ViT, or go on with what was begun in the folder.

    Args:
        source: images and their labels.
        folder: that becomes the model directory; new, or that of the same run.
        options: how.
        checkpoint: Hub name, directory or embedded model; ``None`` is the collection's own, or
            the default one.
        shares: of the images by which is validated, and which are held out.
        progress: told how far it is.
        cancellation: looked at between the parts of steps.

    Raises:
        InputError: sources, options or images that nothing can be learned from, or the folder
            holds something else.
        CheckpointError: the checkpoint cannot be had, or what lies in the folder is damaged.
        TrainingError: the loss is no number any more, or memory is too small.
        CollectionError: the disk is full, or the collection cannot be read.
        CollectionLockedError: another process trains into the folder.
        CancelledError: somebody asked to stop; what was learned is kept.
    """
    from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
    from vitrail.indexer.training.acceleration import Acceleration
    from vitrail.indexer.training.splits import SplitShares
    from vitrail.indexer.training.trainee import check_head, trained_space

    found = find_encoder_checkpoint(checkpoint or _own_checkpoint(source))
    refuse_export(found.name, found.export)
    trained_space(found, options)
    check_head(found, options)
    acceleration = Acceleration(options.device, options.precision)
    shares = shares or SplitShares()
    settings = settings_of(source, found.name, found.weights, shares, options)
    folder = os.path.abspath(folder)
    with run_folder(folder) as inner:
        work = _Work(found, options, shares, progress, cancellation or Cancellation())
        begun = read_begun(inner)
        if begun is None:
            begun = work.begin(source, settings)
            write_begun(inner, begun)
        else:
            check_same(begun, settings, options, folder)
        result = work.train(begun, folder, inner, acceleration)
        trained = work.report(begun, folder, inner, result)
        write_done(inner, trained.to_dict())
        _forget(inner)
    return trained


def _own_checkpoint(source: TrainingSource) -> str:
    if source.folders or source.collection is None:
        return DEFAULT_CHECKPOINT
    from pathlib import Path

    from vitrail.indexer.collection.store import CollectionStore

    with CollectionStore.open(Path(source.collection)) as store:
        return store.fingerprint.checkpoint


def _forget(inner: str) -> None:
    from vitrail.indexer.training.states import forget_states

    forget_states(inner)


@dataclass(frozen=True, slots=True)
class _Work:
    """One run: what it learns from, and whom it tells."""

    source: Checkpoint
    options: FinetuningOptions
    shares: SplitShares
    progress: Progress
    cancellation: Cancellation

    @property
    def space(self) -> str:
        from vitrail.indexer.training.trainee import trained_space

        return trained_space(self.source, self.options).name

    @property
    def spaces(self) -> tuple[str, ...]:
        """What is measured: the space that is moved, and what the checkpoint is searched by."""
        usual = [space.name for space in self.source.select() if space.pooling != "proj"]
        return tuple(dict.fromkeys([self.space, *usual]))

    # Before

    def begin(self, source: TrainingSource, settings: dict[str, Any]) -> BegunRun:
        """Look at all images, once."""
        from vitrail.indexer.training.splits import HELD_OUT, split

        candidates = find_training_images(source)
        encoder = self._encoder(self.source.name)
        surveyed = survey_images(
            candidates,
            encoder,
            self.progress,
            self.cancellation,
            workers=self.options.workers,
        )
        classes = _classes(surveyed)
        number = {label: i for i, label in enumerate(classes)}
        targets = np.array([number[image.label] for image in surveyed.images], np.int64)
        groups = group_copies(surveyed, self.spaces[-1], self.progress, self.cancellation)
        contents = [image.content_hash for image in surveyed.images]
        parts = split(contents, targets, groups, self.shares, self.options.seed)
        held = np.flatnonzero(parts == HELD_OUT)
        originals = held[evenly_spaced(len(held), min(COPIED, len(held)))] if len(held) else held
        run = BegunRun(
            settings, classes, surveyed.images, targets, groups, parts, originals, before={}
        )
        run.before.update(self._measured(run, encoder, surveyed.rows))
        return run

    def _encoder(self, name: str, *, classify: bool = False) -> Encoder:
        from vitrail.indexer.encoders import load_encoder

        # by torch: to compile a model that is asked once takes longer than asking it
        return load_encoder(
            EncoderSettings(
                name, self.spaces, "torch", device=self.options.device, classify=classify
            )
        )

    def _measured(
        self, run: BegunRun, encoder: Encoder, rows: dict[str, Floats]
    ) -> dict[str, HeldOutRetrieval]:
        from vitrail.indexer.training.splits import HELD_OUT

        if not len(run.originals):
            return {}
        copies = self._copies(run, encoder)
        task = run.task(HELD_OUT, len(ALTERED))
        return {space: task.measure(rows[space], copies[space]) for space in self.spaces}

    def _copies(self, run: BegunRun, encoder: Encoder) -> dict[str, Floats]:
        """Rows of the copies of some held-out images, original after original."""
        from vitrail.indexer.encoders.batching import encode_resilient
        from vitrail.indexer.images.preprocess import apply

        parts: dict[str, list[Floats]] = {space: [] for space in self.spaces}
        for done, place in enumerate(run.originals.tolist(), 1):
            self.cancellation.check()
            made = altered_copies(image_to_copy(run.images[place].path))
            pixels = np.stack([apply(encoder.preprocess, one) for one in made])
            for space, found in encode_resilient(encoder, pixels).vectors.items():
                parts[space].append(found)
            self.progress(AnalysisProgress("measuring copies", done, len(run.originals)))
        return {space: np.concatenate(found) for space, found in parts.items()}

    # Training

    def train(
        self, run: BegunRun, folder: str, inner: str, acceleration: Acceleration
    ) -> LoopResult:
        """Learn, and write the model."""
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
        from vitrail.indexer.training.samples import LabelledImage, TrainingImages
        from vitrail.indexer.training.splits import TRAINING, VALIDATION
        from vitrail.indexer.training.trainee import build_trainee

        def images(part: int) -> list[LabelledImage]:
            return [
                LabelledImage(run.images[i].path, run.images[i].content_hash, int(run.targets[i]))
                for i in np.flatnonzero(run.parts == part).tolist()
            ]

        spec, options = self.source.preprocess, self.options
        groups = run.groups[run.parts == VALIDATION]

        def judge(rows: Floats, targets: Ids) -> dict[str, float]:
            found = precisions(rows, targets, groups)
            return {"mAP": float(found.mean())} if len(found) else {}

        return Finetuning(
            build_trainee(self.source, run.classes, options),
            TrainingImages(images(TRAINING), spec, options.augmentation, options.seed),
            TrainingImages(images(VALIDATION), spec),
            options,
            judge,
        )

    def _tell(self, where: LoopProgress) -> None:
        told = f"loss {where.loss:.3f}"
        if where.measures:
            measures = ", ".join(f"{name} {value:.3f}" for name, value in where.measures.items())
            told += f"; validated: {measures}"
        self.progress(AnalysisProgress("training", where.step, where.steps, "step", told))

    # After

    def report(self, run: BegunRun, folder: str, inner: str, result: LoopResult) -> TrainedEncoder:
        """Measure the model that was written."""
        from vitrail.indexer.training.metrics import MetricsFile
        from vitrail.indexer.training.splits import HELD_OUT, TRAINING, VALIDATION
        from vitrail.indexer.training.trainee import check_head

        has_head = check_head(self.source, self.options)
        encoder = self._encoder(folder, classify=has_head)
        rows, logits = self._rows(run, encoder)
        after = self._measured(run, encoder, rows)
        compared = [
            one
            for space, found in after.items()
            for one in compare(space, run.before[space], found, len(ALTERED))
        ]
        held = run.parts == HELD_OUT
        confusion = np.zeros((len(run.classes),) * 2, np.int64)
        accuracy = None
        if logits is not None and held.any():
            guessed = logits[held].argmax(axis=1)
            np.add.at(confusion, (run.targets[held], guessed), 1)
            accuracy = interval((guessed == run.targets[held]).astype(np.float64))
        return TrainedEncoder(
            folder=folder,
            source=self.source.name,
            space=self.space,
            classes=run.classes,
            parts=(
                int((run.parts == TRAINING).sum()),
                int((run.parts == VALIDATION).sum()),
                int(held.sum()),
            ),
            copied=len(run.groups) - len(np.unique(run.groups)),
            steps=result.steps,
            best_step=result.best_step,
            accuracy=accuracy,
            confusion=confusion,
            compared=tuple(compared),
            metrics=tuple(MetricsFile(os.path.join(inner, "metrics.jsonl")).lines()),
        )

    def _rows(self, run: BegunRun, encoder: Encoder) -> tuple[dict[str, Floats], Floats | None]:
        """Rows and logits of all images by the model that was written."""
        from vitrail.indexer.encoders.batching import encode_resilient
        from vitrail.indexer.training.samples import LabelledImage, TrainingImages

        known = [LabelledImage(one.path, one.content_hash) for one in run.images]
        images = TrainingImages(known, encoder.preprocess)
        vectors: dict[str, list[Floats]] = {space: [] for space in self.spaces}
        logits: list[Floats] = []
        for first in range(0, len(images), _BATCH):
            self.cancellation.check()
            places = range(first, min(first + _BATCH, len(images)))
            pixels = map_ahead(images.plain, places, workers=self.options.workers, ahead=_BATCH)
            found = encode_resilient(encoder, np.stack([*pixels]))
            for space, rows in found.vectors.items():
                vectors[space].append(rows)
            logits += [] if found.logits is None else [found.logits]
            self.progress(AnalysisProgress("measuring", places[-1] + 1, len(images)))
        joined = {space: np.concatenate(rows) for space, rows in vectors.items()}
        return joined, np.concatenate(logits) if logits else None


def _classes(surveyed: Surveyed) -> tuple[str, ...]:
    found = sorted({image.label for image in surveyed.images})
    if len(found) < 2:
        has = f"the label {found[0]!r} alone" if found else "no image that can be read"
        raise InputError(
            f"there is {has}, where two labels are needed to tell images apart: name a folder "
            "with a subfolder for each, or a column with several values"
        )
    return tuple(found)
