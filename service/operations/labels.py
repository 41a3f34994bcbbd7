"""The labelled images of a collection, and what was learned from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.probes import (
    FOLDER,
    check_place,
    name_of,
    read_probe,
    write_probe,
)
from vitrail.indexer.errors import CollectionError, DamagedError, InputError
from vitrail.indexer.spaces import base_of
from vitrail.indexer.wording import counted
from vitrail.search.calibration.calibration import SAME
from vitrail.search.classification.labelled import (
    FOLDS,
    Labelled,
    copy_groups,
    first_few,
    labelled,
)
from vitrail.search.classification.probabilities import Chosen
from vitrail.search.classification.probe import LinearProbe, check_installed, learn_probe
from vitrail.search.classification.probe_file import (
    SavedProbe,
    check_fits,
    check_is_of,
    from_bytes,
    learn_anew,
    to_bytes,
)
from vitrail.search.classification.votes import Voting, learn_voting
from vitrail.search.listing import ListOptions, list_images
from vitrail.search.options import check_word
from vitrail.search.sorting import column_name
from vitrail.service.operations.gathering import space_of
from vitrail.service.operations.progress import AnalysisProgress, Note, Progress, nobody

if TYPE_CHECKING:
    from vitrail.indexer.collection.snapshot import Snapshot
    from vitrail.service.operations.searchable import Searchable

Ids = NDArray[np.int64]
By = Literal["head", "knn", "probe"]
LabelledBy = Literal["knn", "probe"]
SAMPLE = 10_000
_DOING = {
    "comparing": "comparing images",
    "fitting": "fitting probes",
    "telling": "telling labels",
}


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """Which labels are learned from, and how.

    Attributes:
        labels: the column whose values they are.
        by: the vote of the nearest images, or a linear probe.
        space: whose vectors are used; ``None`` for what a search weighs most, and for a probe for
            the stored space that this is derived from.
        sample: labelled images that are learned from, at most.
        seed: of their draw and of the folds.

    Raises:
        InputError: an unknown way, or fewer images than can tell anything.
    """

    labels: str
    by: LabelledBy = "knn"
    space: str | None = None
    sample: int = SAMPLE
    seed: int = 0

    def __post_init__(self) -> None:
        check_word("by", self.by, get_args(LabelledBy))
        if self.sample < 2 * FOLDS:
            raise InputError(
                f"sample is {self.sample}, but {2 * FOLDS} images at least are needed to tell "
                "labels apart"
            )
        if self.seed < 0:
            raise InputError(f"the seed is {self.seed}; give 0 or more")


@dataclass(frozen=True, slots=True)
class Learning:
    """What a run learns from, and whom it tells.

    Attributes:
        collection: open.
        commit: that is read.
        options: which labels, and how.
        progress: told how far it is.
        cancellation: looked at after each step.
    """

    collection: Searchable
    commit: Snapshot
    options: LabelOptions
    progress: Progress = nobody
    cancellation: Cancellation | None = None

    @property
    def column(self) -> str:
        """The labels' column, as the collection spells it.

        Raises:
            InputError: there is no such column.
        """
        return column_name(self.commit, self.options.labels, "--labels")

    @property
    def space(self) -> str:
        """The space whose vectors are used.

        Raises:
            InputError: there is no such space.
        """
        named = self.options.space
        space = space_of(self.commit, named)
        if named is None and self.options.by == "probe":
            return base_of(space) or space
        return space

    def check(self) -> None:
        """Stop if somebody asked for that.

        Raises:
            CancelledError: somebody did.
        """
        if self.cancellation is not None:
            self.cancellation.check()

    def tell(
        self, stage: Literal["comparing", "fitting", "telling"], done: int, total: int
    ) -> None:
        """Say how far it is, and stop if somebody asked for that.

        Raises:
            CancelledError: somebody did.
        """
        self.check()
        noun = "fit" if stage == "fitting" else "image"
        self.progress(AnalysisProgress(_DOING[stage], done, total, noun))

    def note(self, text: str) -> None:
        """Say something to know."""
        self.progress(Note(text))

    def labelled_ids(self) -> Ids:
        """(n,) int64 ascending ids of the images that have a label."""
        return self.commit.allowed_ids(self._where)

    @property
    def _where(self) -> str:
        name = self.column.replace('"', '""')
        return f'"{name}" is not null'

    def read(self) -> Labelled:
        """The labelled images, at most ``sample`` of them.

        Raises:
            InputError: there is no such column, or too few images have a value in it.
        """
        column, options = self.column, self.options
        chosen = ListOptions(
            where=self._where, columns=(column,), sample=options.sample, seed=options.seed
        )
        found = {
            image.id: _label(image.values[column]) for image in list_images(self.commit, chosen)
        }
        if any(label is None for label in found.values()):
            raise InputError(
                f"column {column!r} holds several values of an image, which are no label; name "
                "another column"
            )
        self.check()
        ids = np.array(sorted(found), np.int64)
        rows = self.commit.vectors(ids.tolist(), self.space)
        labels = [str(found[one]) for one in ids.tolist()]
        known = labelled(ids, labels, rows, self._groups(ids), column)
        self.check()
        self._tell_left_out(known, len(ids))
        return known

    def _tell_left_out(self, known: Labelled, drawn: int) -> None:
        if known.alone:
            self.note(
                f"{counted(len(known.alone), 'label')} that only one image has, or only copies of "
                f"one, cannot be learned and {'is' if len(known.alone) == 1 else 'are'} left out: "
                f"{first_few(known.alone)}; label more such images"
            )
        if drawn == self.options.sample < (every := len(self.labelled_ids())):
            self.note(
                f"learned from {drawn:,} of {counted(every, 'image')} with a label, drawn at "
                "random; --sample takes more"
            )

    def _groups(self, ids: Ids) -> Ids:
        """Which of some images are copies of one another, by what is a copy in the collection."""
        from vitrail.indexer.vectors.neighbours import near_pairs

        space = self.space
        calibration = self.collection.calibrations.of(self.commit, (space,))
        copy = SAME if calibration is None else calibration.scale({space: 1.0}).copy
        found = near_pairs(self.commit.index(space), min(copy or SAME, SAME), allowed=ids)
        pairs = [(block.first, block.second) for block in found.blocks]
        sides = [np.concatenate([pair[i] for pair in pairs]) if pairs else ids[:0] for i in (0, 1)]
        return copy_groups(len(ids), *(np.searchsorted(ids, side) for side in sides))


def _label(value: object) -> str | None:
    """A value as a label; ``None`` for what is several values."""
    return None if isinstance(value, list | tuple | dict) else str(value)


def learn(learning: Learning, known: Labelled) -> tuple[Voting | LinearProbe, Chosen]:
    """What tells labels, and what it tells of the labelled images, each held out.

    Raises:
        InputError: a probe is asked for, and scikit-learn is missing.
        CancelledError: somebody asked to stop.
    """
    seed = learning.options.seed
    if learning.options.by == "knn":
        return learn_voting(
            known, seed=seed, on_rows=lambda done, total: learning.tell("comparing", done, total)
        )
    return learn_probe(
        known, seed=seed, on_fit=lambda done, total: learning.tell("fitting", done, total)
    )


def saved_probe(learning: Learning, *, refit: bool = False) -> SavedProbe:
    """The probe of a column in a space: the one that was kept, or one that is learned and kept.

    Args:
        learning: which labels.
        refit: learn it anew, whether there is one or not.

    Raises:
        InputError: too few labels, or scikit-learn is missing; nothing is written.
        FingerprintMismatchError: the one that was kept is another encoder's.
        DamagedError: its file is damaged.
        UnreadableError: it cannot be read now, or something else lies in its place.
        CancelledError: somebody asked to stop.
    """
    column, space, commit = learning.column, learning.space, learning.commit
    name = name_of(column, space)
    check_place(learning.collection.store.directory, name)
    data = None if refit else read_probe(learning.collection.store.directory, name)
    transform = {one.name: one.digest for one in commit.state.derived}.get(space, "")
    fingerprint = commit.state.fingerprint.digest
    if data is not None:
        saved = _read(data, name, learning)
        check_fits(saved, fingerprint, transform)
        if saved.images != (now := len(learning.labelled_ids())):
            learning.note(
                f"the probe of {column!r} was learned when {counted(saved.images, 'image')} had a "
                f"label, and {now:,} have one now; --refit learns it anew"
            )
        return saved
    check_installed()
    probe, _ = learn(learning, learning.read())
    assert isinstance(probe, LinearProbe)
    made = SavedProbe(
        probe, column, space, fingerprint, transform, len(learning.labelled_ids()), commit.state.seq
    )
    _keep(learning, name, made)
    return made


def _read(data: bytes, name: str, learning: Learning) -> SavedProbe:
    """A kept probe, which is the one that was asked for."""
    column, space = learning.column, learning.space
    try:
        saved = from_bytes(data)
        check_is_of(saved, column, space, learning.commit.spaces[space])
    except DamagedError as error:
        raise DamagedError(
            f"the probe of column {column!r} in {FOLDER}/{name} cannot be used: {error.problem}",
            remedy=learn_anew(column),
        ) from error
    return saved


def _keep(learning: Learning, name: str, made: SavedProbe) -> None:
    from vitrail.indexer.collection.store import CollectionStore

    directory = learning.collection.store.directory
    try:
        with CollectionStore.open(directory, writable=True) as writer:
            if writer.fingerprint.digest == made.fingerprint:
                write_probe(directory, name, to_bytes(made))
            writer.forget_changes()
    except CollectionError as error:  # locked, full, or not to be written by this user
        learning.note(f"the probe serves this once and is not kept: {error}")


def names_of(ids: Sequence[int], learning: Learning) -> dict[int, str | None]:
    """The path of each image's first file; ``None`` of one that has none."""
    found = learning.commit.metadata(list(ids))
    return {info.id: info.paths[0] if info.paths else None for info in found}
