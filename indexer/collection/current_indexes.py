"""The vector indexes of a collection in memory, from which those of any commit are made."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.building import OnStep, no_step
from vitrail.indexer.catalog.derived import DerivedSpace
from vitrail.indexer.catalog.hidden import (
    deleted_between,
    hidden_within,
    left_between,
    revived_between,
)
from vitrail.indexer.catalog.news import read_commit
from vitrail.indexer.catalog.state import State
from vitrail.indexer.collection.readings import Readings
from vitrail.indexer.collection.transforms import Transforms
from vitrail.indexer.errors import CollectionError, InputError, NewerIndexError
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.segments import segment_file
from vitrail.indexer.segments.segment_file import Segment
from vitrail.indexer.vectors import indexes
from vitrail.indexer.vectors.catching_up import Visibility, caught_up, read_anew
from vitrail.indexer.vectors.indexes import Derivation, IndexFiles, LoadedIndex

if TYPE_CHECKING:
    from vitrail.indexer.vectors.index import VectorIndex
    from vitrail.indexer.vectors.whitening import Whitening


class Start(NamedTuple):
    """An index in memory, the catalog that its commit is counted by, and what made its vectors."""

    incarnation: str
    loaded: LoadedIndex
    digest: str

    def leads_to(self, state: State) -> bool:
        """Whether the index of a commit can be made of it, where it is of the same vectors."""
        return self.incarnation == state.incarnation and self.loaded.seq <= state.seq


@dataclass
class _Slot:
    """What is kept of a space; the lock is held while its index is loaded or caught up."""

    newest: Start | None = None
    guard: threading.Lock = field(default_factory=threading.Lock)


class CurrentIndexes:
    """One index a space, loaded when first asked for; threads may share it.

    Args:
        directory: the collection's.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._segments = os.path.join(directory, segment_file.FOLDER)
        self._transforms = Transforms(directory)
        self._slots: dict[str, _Slot] = {}
        self._notes: dict[str, str] = {}

    @property
    def notes(self) -> list[str]:
        """Lines for people about files that could not be used and were replaced in memory."""
        return list(self._notes.values())

    def newest(self) -> dict[str, Start]:
        """The newest index of each space that was loaded."""
        slots = list(self._slots.items())
        return {space: slot.newest for space, slot in slots if slot.newest is not None}

    def get(
        self,
        space: str,
        readings: Readings,
        starts: Mapping[str, Start] | None = None,
        *,
        anew: bool = True,
        on_step: OnStep = no_step,
    ) -> LoadedIndex:
        """A space's index at one commit.

        Args:
            space: its name.
            readings: of the commit.
            starts: indexes of earlier commits to begin with where the newest is of a later one.
            anew: whether to read all segments where the only file is of a later commit.
            on_step: told how far the reading of segments is; what it raises comes out of here.

        Raises:
            InputError: the collection has no such space.
            NewerIndexError: the file is of a later commit; without ``anew``.
            SegmentGoneError: a segment is lost.
            UnreadableError: a segment cannot be read now.
            DamagedError: a segment is damaged.
        """
        state = readings.state
        files = self.files(space, state)
        slot = self._slots.setdefault(space, _Slot())
        with slot.guard:
            newest = slot.newest
            own = (starts or {}).get(space)
            if files.derivation is not None:
                # Queries need it as long as the index is held, whatever becomes of its file.
                files.derivation.transform()
            start = _of_same(files, state, newest, own)
            loaded = self._loaded(files, readings, anew=anew) if start is None else start.loaded
            if loaded.seq != state.seq:
                loaded = self._caught_up(files, readings, loaded, on_step)
            if start is None or start.loaded is not loaded:
                loaded = self._rescuable(files, state, loaded)
                if loaded.note:
                    self._notes[space] = loaded.note
            if newest is None or newest.leads_to(state) or newest.incarnation != state.incarnation:
                slot.newest = Start(state.incarnation, loaded, files.digest)
            return loaded

    def keep(self, space: str, state: State, loaded: LoadedIndex) -> None:
        """Take an index of the newest commit that was made elsewhere."""
        files = self.files(space, state)
        made = Start(state.incarnation, self._rescuable(files, state, loaded), files.digest)
        self._slots.setdefault(space, _Slot()).newest = made
        self._notes.pop(space, None)

    def files(self, space: str, state: State) -> IndexFiles:
        """The files that cache a space's index.

        Raises:
            InputError: the collection has no such space.
        """
        spaces = state.spaces
        if space not in spaces:
            raise InputError(
                f"space {space!r} is not in this collection, which has {', '.join(spaces)}"
            )
        derived = next((one for one in state.derived if one.name == space), None)
        return IndexFiles(
            folder=os.path.join(self._directory, indexes.FOLDER),
            space=space,
            dim=spaces[space],
            digest=_digest(state.fingerprint, derived),
            incarnation=state.incarnation,
            derivation=None if derived is None else self._derivation(derived, state),
        )

    def transform(self, space: str, state: State) -> Whitening:
        """How a derived space is worked out of its base.

        Raises:
            InputError: the collection has no such derived space.
            CollectionError: its file is missing, damaged, or cannot be read now.
        """
        derivation = self.files(space, state).derivation
        if derivation is None:
            raise InputError(f"space {space!r} is stored, and not worked out from another one")
        return derivation.transform()

    def _derivation(self, space: DerivedSpace, state: State) -> Derivation:
        fingerprint, weights = state.fingerprint, tuple(state.chosen_weights)
        read = partial(self._transforms.get, space, fingerprint, weights)
        # A base that the encoder lacks is told once the transform is read.
        return Derivation(space.base, dict(fingerprint.spaces).get(space.base, 0), read)

    def checked(self, space: str) -> float | None:
        """Which share of a space's vectors was compared with checksums; ``None``: not loaded."""
        start = self.newest().get(space)
        return None if start is None else start.loaded.index.checked

    def forget(self, space: str) -> None:
        """Drop a space's index from memory, so that it is loaded anew."""
        self._slots.pop(space, None)

    def clear(self) -> None:
        """Give the memory back."""
        self._slots.clear()

    def _loaded(self, files: IndexFiles, readings: Readings, *, anew: bool) -> LoadedIndex:
        state, loaded = readings.state, files.load()
        if loaded.seq <= state.seq:
            if is_of(readings, loaded.seq, loaded.commit):
                return loaded
            return files.empty(f"its file is of another commit {loaded.seq} than the one here")
        if not anew:
            raise NewerIndexError(
                f"the index of {files.space} is of commit {loaded.seq}, and what was asked is "
                f"commit {state.seq}"
            )
        return files.empty(f"its file is of commit {loaded.seq}, which comes after {state.seq}")

    def _caught_up(
        self, files: IndexFiles, readings: Readings, loaded: LoadedIndex, on_step: OnStep
    ) -> LoadedIndex:
        state = readings.state
        changes = visibility_since(readings, loaded.seq)
        made = caught_up(loaded, files, self._segments, state.segments, state.seq, changes, on_step)
        return replace(made, commit=commit_mark(readings, state.seq))

    def _rescuable(self, files: IndexFiles, state: State, loaded: LoadedIndex) -> LoadedIndex:
        """An index that turns to the segments once its file turns out no good."""
        # By what is small: an index may outlive the copy of the catalog it was made by.
        rescue = partial(self._rescued, files, state.segments)
        return replace(loaded, index=loaded.index.rescued_by(rescue))

    def _rescued(
        self,
        files: IndexFiles,
        segments: tuple[Segment, ...],
        error: CollectionError,
        ids: NDArray[np.int64],
    ) -> VectorIndex:
        """An index of the same ids from the segments alone, as its file turned out no good."""
        index = read_anew(files, self._segments, segments, ids)
        self._notes[files.space] = f"{error}; answered from the segments"
        return index


def commit_mark(readings: Readings, seq: int) -> str:
    """When a commit was, as index files tell it; nothing where there is no such commit."""
    with readings.reading() as connection:
        found = read_commit(connection, seq)
    return "" if found is None else found.mark


def is_of(readings: Readings, seq: int, commit: str) -> bool:
    """Whether an index of a commit is of one that led to that of the readings.

    Of two copies of a collection that went on apart, commits have the same numbers, and images the
    same ids.

    Args:
        readings: of the same or a later commit.
        seq: number of the index's.
        commit: when that was, as its file tells; nothing where an older version wrote it.
    """
    return commit in ("", commit_mark(readings, seq))


def _of_same(files: IndexFiles, state: State, *known: Start | None) -> Start | None:
    """The first index that leads to a commit, and is of the vectors that files are to hold."""
    fitting = (one for one in known if one is not None and one.leads_to(state))
    return next((one for one in fitting if one.digest == files.digest), None)


def _digest(fingerprint: Fingerprint, derived: DerivedSpace | None) -> str:
    """What decides the vectors of a space: the encoder, and of a derived one the transform."""
    if derived is None:
        return fingerprint.digest
    both = f"{fingerprint.digest}:{derived.base}:{derived.digest}"
    return hashlib.sha256(both.encode()).hexdigest()


def deleted_since(readings: Readings, seq: int) -> NDArray[np.int64]:
    """Ids deleted after a commit, up to that of the readings, and not back since: (n,) int64."""
    with readings.reading() as connection:
        return deleted_between(connection, seq, readings.state.seq)


def count_left(readings: Readings, seq: int) -> int:
    """How many images left after a commit, up to that of the readings."""
    with readings.reading() as connection:
        return left_between(connection, seq, readings.state.seq)


def revived_since(readings: Readings, seq: int) -> NDArray[np.int64]:
    """Ids that came back after a commit, up to that of the readings: (n,) int64."""
    with readings.reading() as connection:
        return revived_between(connection, seq, readings.state.seq)


def visibility_since(readings: Readings, seq: int) -> Visibility:
    """What an index of commit ``seq`` has to follow to be of that of the readings."""

    def hidden(low: int, high: int) -> NDArray[np.int64]:
        with readings.reading() as connection:
            return hidden_within(connection, low, high)

    return Visibility(deleted_since(readings, seq), revived_since(readings, seq), hidden)
