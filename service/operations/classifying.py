"""What images are of: by the checkpoint's head, by their nearest labelled images, or by a probe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import CheckpointError, CollectionError, InputError
from vitrail.indexer.wording import counted
from vitrail.search.classification.votes import Voting
from vitrail.search.filters import combine_filters
from vitrail.search.options import Only
from vitrail.service.operations.class_sources import (
    Source,
    embedded,
    head_probabilities,
    stored_sources,
)
from vitrail.service.operations.classifications import (
    Classification,
    ClassifiedImage,
    ClassifyOptions,
    Guess,
)
from vitrail.service.operations.labels import (
    LabelledBy,
    LabelOptions,
    Learning,
    learn,
    saved_probe,
)
from vitrail.service.operations.progress import AnalysisProgress, Note, Progress, nobody
from vitrail.service.operations.written_labels import check_column, write_labels

if TYPE_CHECKING:
    from vitrail.indexer.collection.snapshot import Snapshot
    from vitrail.search.images import ImageLike
    from vitrail.service.operations.references import ImageReference
    from vitrail.service.operations.searchable import Searchable

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
_PART = 4096  # images whose vectors are looked at together


class _Teller(Protocol):
    """Tells probabilities of rows: (q, dim) float32 and (q,) int64 ids, to (q, c)."""

    def __call__(self, rows: Floats, ids: Ids, /) -> NDArray[np.float64]:
        """Probabilities of some rows."""


def classify(
    collection: Searchable,
    images: Sequence[ImageReference | ImageLike | int],
    options: ClassifyOptions,
    *,
    where: str | None = None,
    only: Only = "all",
    write: str | None = None,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Classification:
    """Tell what images are of.

    Args:
        collection: open.
        images: files, bytes, ids and so on; or none, for those of the collection that pass the
            filter.
        options: how.
        where: SQL expression over the columns.
        only: ``all``, ``generated`` or ``real`` images.
        write: a column of the collection that shall hold the labels, and one more, called the
            same with ``_probability``, for their probabilities; what it had of these images is
            replaced. Images of which nothing is told have none.
        progress: told how far it is.
        cancellation: looked at after each step; nothing is written if it is cancelled.

    Raises:
        InputError: images and a filter, or neither; or there is no such column or space, or too few
            labels; or the checkpoint has no head; or labels cannot be written into ``write``.
        FilterError: the filter is unusable, or lets nothing through.
        FingerprintMismatchError: the probe that was kept is another encoder's.
        CollectionLockedError: labels are to be written, and another process is writing.
        CancelledError: somebody asked to stop.
    """
    commit = collection.store.snapshot()
    where = combine_filters(where, only)
    _check_asked(images, where, write)
    if write is not None:
        check_column(commit, write, options.labels)
    work = _Work(collection, commit, options, progress, cancellation)
    sources = stored_sources(commit, where) if where is not None else work.sources(images)
    told = work.by_head(sources) if options.way == "head" else work.by_labels(sources)
    if write is None:
        return told
    if cancellation is not None:
        cancellation.check()
    return replace(told, written=write_labels(collection, write, told.images))


def _check_asked(images: Sequence[object], where: str | None, write: str | None) -> None:
    if images and where is not None:
        raise InputError(
            "images were given beside a filter: name images, or those of the collection by --where "
            "or --only"
        )
    if not images and where is None:
        raise InputError(
            "nothing was given to classify: name images, or those of the collection by --where, "
            'such as --where "generated" or --where true'
        )
    if images and write is not None:
        raise InputError(
            "labels are written of images of the collection, which are named by --where or --only: "
            "give these in the place of files"
        )


@dataclass(frozen=True, slots=True)
class _Work:
    """One run: what it reads and whom it tells."""

    collection: Searchable
    commit: Snapshot
    options: ClassifyOptions
    progress: Progress
    cancellation: Cancellation | None

    def sources(self, images: Sequence[ImageReference | ImageLike | int]) -> list[Source]:
        return [Source.of(image, self.collection.store) for image in images]

    def _embedding(self, done: int, total: int) -> None:
        if self.cancellation is not None:
            self.cancellation.check()
        self.progress(AnalysisProgress("looking at images", done, total))

    def by_head(self, sources: Sequence[Source]) -> Classification:
        """What the checkpoint's head says: as stored, or worked out of files."""
        self._check_head()
        found = head_probabilities(self.collection, self.commit, sources, self._embedding)
        lacking = sum(not one.guesses and not one.error for one in found)
        if lacking:
            self.progress(
                Note(
                    f"{counted(lacking, 'image')} of the collection had no labels of the head "
                    "stored: `vitrail index --classify` stores them"
                )
            )
        images = tuple(self._image(one.source, one.guesses, one.error) for one in found)
        return Classification(
            "head", None, None, (), images, np.empty((len(images), 0), np.float32)
        )

    def _check_encoder(self) -> None:
        """Refuse to hold vectors of one encoder against those of another, which are as wide."""
        own, known = self.commit.state.fingerprint, self.collection.encoder.fingerprint
        if not known.agrees(own):
            raise CollectionError("all was embedded anew by another encoder meanwhile; ask again")

    def _check_head(self) -> None:
        from vitrail.indexer.encoders import read_labels
        from vitrail.indexer.encoders.settings import DEFAULT_CHECKPOINT

        checkpoint = self.collection.fingerprint.checkpoint
        try:
            read_labels(checkpoint)
        except CheckpointError as error:
            if "has no classification head" not in str(error):
                raise
            raise InputError(
                f"{checkpoint!r} has no classification head: tell labels of your own with --labels "
                "COLUMN, or embed anew by a checkpoint with one, such as `vitrail reembed "
                f"--checkpoint {DEFAULT_CHECKPOINT}`"
            ) from error

    def by_labels(self, sources: Sequence[Source]) -> Classification:
        """What labelled images say."""
        options = self.options
        assert options.labels is not None
        by: LabelledBy = "probe" if options.way == "probe" else "knn"
        asked = LabelOptions(options.labels, by, options.space, options.sample, options.seed)
        learning = Learning(self.collection, self.commit, asked, self.progress, self.cancellation)
        if any(source.id is None for source in sources):
            self._check_encoder()
        classes, tell = _teller(learning, refit=options.refit)
        if by == "probe":
            self._tell_taught(sources, learning)
        probabilities = np.full((len(sources), len(classes)), np.nan, np.float32)
        errors = [""] * len(sources)
        done = 0
        for places, rows, ids in embedded(
            self.collection, self.commit, sources, learning.space, _PART, errors, self._embedding
        ):
            probabilities[places] = tell(rows, ids)
            done += len(places)
            learning.tell("telling", done, len(sources))
        images = tuple(
            self._image(source, self._best(row, classes), error)
            for source, row, error in zip(sources, probabilities, errors, strict=True)
        )
        return Classification(by, learning.column, learning.space, classes, images, probabilities)

    def _tell_taught(self, sources: Sequence[Source], learning: Learning) -> None:
        """Say of how many images the probe was told the label, which makes it too sure of them."""
        asked = [source.id for source in sources if source.id is not None]
        taught = len(np.intersect1d(asked, learning.labelled_ids()))
        if taught:
            learning.note(
                f"{counted(taught, 'image')} of these {'has' if taught == 1 else 'have'} a label, "
                "from which the probe may have learned: it is too sure of them; `vitrail labels "
                "report` tells how good it is"
            )

    def _best(self, row: Floats, classes: tuple[str, ...]) -> list[Guess]:
        if not np.isfinite(row).all():
            return []
        best = np.argsort(-row, kind="stable")[: self.options.top].tolist()
        return [Guess(classes[place], float(row[place])) for place in best]

    def _image(
        self, source: Source, guesses: Sequence[tuple[str, float]], error: str
    ) -> ClassifiedImage:
        best = tuple(Guess(*one) for one in guesses)[: self.options.top]
        sure = bool(best) and best[0].probability >= self.options.min_probability
        return ClassifiedImage(source.name, source.id, best, best[0].label if sure else None, error)


def _teller(learning: Learning, *, refit: bool) -> tuple[tuple[str, ...], _Teller]:
    """The labels that can be told, and what tells them."""
    if learning.options.by == "probe":
        probe = saved_probe(learning, refit=refit).probe
        return probe.classes, lambda rows, _: probe.probabilities(rows)
    voting, _ = learn(learning, learning.read())
    assert isinstance(voting, Voting)
    return voting.classes, lambda rows, ids: voting.probabilities(rows, ids)
