"""Which spaces suit a collection: every layer and pooling measured on a sample of its images."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import InputError
from vitrail.indexer.spaces import POOLINGS, base_of
from vitrail.search.measures import paired_interval
from vitrail.search.tuning import Measured, Tuned, tune
from vitrail.service.operations.calibrating import keep_calibrated
from vitrail.service.operations.progress import Progress, nobody
from vitrail.service.operations.tuning_samples import TuningOptions, TuningSample

if TYPE_CHECKING:
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.service.operations.collection import Collection
    from vitrail.service.operations.searchable import Searchable

By = Literal["labels", "copies"]


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was measured, and what follows for the collection.

    Attributes:
        by: what told which images belong together.
        images: measured.
        kinds: how many labels they have; 0 of planted copies.
        tuned: the measures.
        current: those of what the collection searches by; ``None`` of a space that was not
            measured.
        lacking: commands that give the collection the winner's spaces; none where it has them.
        stored: whether the winner is the collection's default now.
    """

    by: By
    images: int
    kinds: int
    tuned: Tuned
    current: Measured | None
    lacking: tuple[str, ...]
    stored: bool

    @property
    def tells_nothing(self) -> bool:
        """Whether not even the best space is right once; then nothing is stored."""
        return self.tuned.winner.first.mean == 0

    @property
    def surely_better(self) -> bool:
        """Whether chance hardly explains that the winner is better than what is searched by."""
        if self.current is None:
            return False
        return paired_interval(self.tuned.winner.worth, self.current.worth).low > 0


def tune_spaces(
    collection: Collection,
    options: TuningOptions | None = None,
    *,
    dry_run: bool = False,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Tuning:
    """Measure every layer and pooling of the collection's encoder, raw and whitened, and mixtures.

    Each image of the sample is embedded once. The winner becomes the collection's default where it
    has the winner's spaces, and was right at least once; then scores are calibrated if need be.

    Args:
        collection: open.
        options: what is measured.
        dry_run: store nothing.
        progress: told of the images and of the spaces.
        cancellation: looked at after each of them.

    Raises:
        InputError: there is no such column, too few images have a value in it, or all have the
            same; or too few images can be read.
        CheckpointError: the encoder cannot be had.
        CancelledError: somebody asked to stop; nothing is stored.
        CollectionLockedError: another process is writing.
    """
    options = options or TuningOptions()
    work = TuningSample(collection, options, progress, cancellation or Cancellation())
    drawn = work.draw()
    encoder = widest_encoder(collection)
    task, images, kinds = work.task(encoder, drawn)
    known = collection.store.spaces
    tuned = tune(task, mixes=options.mixes, known=known, on_space=work.on_space)
    winner = dict(tuned.winner.candidate.weights)
    right = tuned.winner.first.mean > 0
    lacking = _lacking(collection, winner) if right else ()
    stored = right and not lacking and not dry_run
    if stored:
        collection.set_default_spaces(winner)
        keep_calibrated(collection, progress, cancellation)
    by: By = "copies" if options.labels is None else "labels"
    current = _measured(tuned, collection.store.default_weights)
    return Tuning(by, images, kinds, tuned, current, lacking, stored)


def _measured(tuned: Tuned, weights: Mapping[str, float]) -> Measured | None:
    known = (*tuned.singles, *tuned.mixtures)
    return next((one for one in known if dict(one.candidate.weights) == dict(weights)), None)


def _lacking(collection: Collection, weights: Mapping[str, float]) -> tuple[str, ...]:
    """What to run so that the collection has some spaces."""
    there = collection.store.spaces
    if all(space in there for space in weights):
        return ()
    bases = list(dict.fromkeys(base_of(space) or space for space in weights))
    commands = []
    if not all(base in there for base in bases):
        commands.append("vitrail reembed " + " ".join(f"--space {base}" for base in bases))
        there = dict.fromkeys(bases, 0)
    commands += [
        f"vitrail whiten {base_of(space)}"
        for space in weights
        if base_of(space) is not None and space not in there
    ]
    told = ",".join(f"{space}:{share:.3g}" for space, share in weights.items())
    named = told if len(weights) > 1 else next(iter(weights))
    return (*commands, f"vitrail spaces --default {named}")


def widest_encoder(collection: Searchable, runtime: str | None = None) -> Encoder:
    """The collection's encoder, with every layer and pooling but the patch embedding's.

    Args:
        collection: open.
        runtime: what runs it; ``None`` for what runs the collection's own.

    Raises:
        CheckpointError: the checkpoint cannot be had any more.
        FingerprintMismatchError: it has changed since the collection was made.
    """
    from vitrail.indexer.encoders import load_encoder
    from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
    from vitrail.indexer.encoders.graph_encoder import source_of
    from vitrail.indexer.errors import FingerprintMismatchError

    settings = collection.encoder_settings
    settings = replace(settings, runtime=runtime or settings.runtime)
    found = source_of(find_encoder_checkpoint(settings.checkpoint))
    settings = replace(settings, checkpoint=found.name)
    names: list[str] = []
    for layer in range(1, found.depth + 1):
        for pooling in POOLINGS:
            with suppress(InputError):  # no class token
                names += [space.name for space in found.select([f"{pooling}@{layer}"])]
    encoder = load_encoder(replace(settings, spaces=tuple(names)))
    if encoder.fingerprint.weights != collection.fingerprint.weights:
        raise FingerprintMismatchError(
            f"{settings.checkpoint} is not what the collection was made by any more; run "
            "`vitrail reembed` first"
        )
    return encoder
