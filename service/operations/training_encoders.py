"""A ViT fine-tuned on labelled images: from folders or a collection to a model directory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.encoders.exports import refuse_export
from vitrail.indexer.encoders.settings import DEFAULT_CHECKPOINT
from vitrail.service.operations.encoder_records import read_begun, settings_of, write_begun
from vitrail.service.operations.progress import Note, Progress, nobody
from vitrail.service.operations.training_images import TrainingSource
from vitrail.service.operations.training_memory import enough_memory
from vitrail.service.operations.training_records import (
    DONE_ALREADY,
    check_same,
    read_done,
    run_folder,
    write_done,
)
from vitrail.service.operations.training_results import TrainedEncoder
from vitrail.service.operations.training_runs import TrainingRun

if TYPE_CHECKING:
    from vitrail.indexer.training.options import FinetuningOptions
    from vitrail.indexer.training.splits import SplitShares


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
    """Fine-tune a ViT, or go on with what was begun in the folder; what is done is told again.

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
    from vitrail.indexer.training.states import forget_states
    from vitrail.indexer.training.trainee import check_head, trained_space

    found = find_encoder_checkpoint(checkpoint or _own_checkpoint(source))
    refuse_export(found.name, found.export)
    trained_space(found, options)
    check_head(found, options)
    acceleration = Acceleration(options.device, options.precision)
    shares = shares or SplitShares()
    settings = settings_of(source, found.name, found.weights, shares, options)
    folder = os.path.abspath(folder)
    memory = enough_memory(
        repr(found.name), "close other programs and run again, or train a smaller checkpoint"
    )
    with run_folder(folder) as inner, memory:
        work = TrainingRun(found, options, shares, progress, cancellation or Cancellation())
        begun = read_begun(inner)
        if begun is None:
            begun = work.begin(source, settings)
            write_begun(inner, begun)
        else:
            check_same(begun, settings, options, folder)
        trained = _done(inner, folder)
        if trained is not None:
            progress(Note(DONE_ALREADY))
        else:
            result = work.train(begun, folder, inner, acceleration)
            trained = work.report(begun, folder, inner, result)
            write_done(inner, trained.to_dict())
        forget_states(inner)
    return trained


def _done(inner: str, folder: str) -> TrainedEncoder | None:
    """What came of the run earlier."""
    from vitrail.indexer.training.metrics import MetricsFile

    lines = MetricsFile(os.path.join(inner, "metrics.jsonl")).lines
    return read_done(inner, lambda raw: TrainedEncoder.from_dict(raw, folder, lines()))


def _own_checkpoint(source: TrainingSource) -> str:
    if source.folders or source.collection is None:
        return DEFAULT_CHECKPOINT
    from pathlib import Path

    from vitrail.indexer.collection.store import CollectionStore

    with CollectionStore.open(Path(source.collection)) as store:
        return store.fingerprint.checkpoint
