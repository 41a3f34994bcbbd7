"""Vector index files: a cache of the segments, loaded, caught up and saved."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.errors import CollectionError, DamagedIndexError
from indexer.store.durability import sync_directory, write_text
from indexer.store.segments import Segment, read_vectors

if TYPE_CHECKING:
    from indexer.vectors.index import VectorIndex

FOLDER = "indexes"
SUFFIX = ".faiss"
_NAME = re.compile(r"(?P<space>[a-z]+@\d+)\.(?P<generation>\d+)\.faiss")
_TAIL_ROWS = 1000  # rows a reader adds by itself at every open before a new file pays
_TAIL_SHARE = 0.05
_HIDDEN_SHARE = 0.2
_NONE: NDArray[np.int64] = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What an index file holds; new ids only grow, so one number says which.

    Attributes:
        digest: of the fingerprint.
        incarnation: of the catalog; see ``catalog.State``.
        space: name of the embedding space.
        max_id: all live images up to this id are in it.
        seq: all deletions and revivals up to this commit are applied.
        rows: vectors in it.
        kind: of the index, such as ``exact``.
    """

    digest: str
    incarnation: str
    space: str
    max_id: int
    seq: int
    rows: int
    kind: str


@dataclass(slots=True)
class LoadedIndex:
    """An index in memory, with what it covers now and why it was not simply loaded."""

    index: VectorIndex
    max_id: int
    seq: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class IndexFiles:
    """The index files of one space.

    Args:
        folder: the collection's ``indexes`` folder.
        space: name of the space.
        dim: its width.
        digest: of the collection's fingerprint.
        incarnation: of its catalog.
    """

    folder: str
    space: str
    dim: int
    digest: str
    incarnation: str

    def generations(self) -> list[int]:
        """Numbers of the files there are, newest first."""
        with suppress(FileNotFoundError):
            matches = [_NAME.fullmatch(name) for name in os.listdir(self.folder)]
            numbers = [int(m["generation"]) for m in matches if m and m["space"] == self.space]
            return sorted(numbers, reverse=True)
        return []

    def path(self, generation: int) -> str:
        """The file of a generation."""
        return os.path.join(self.folder, f"{self.space}.{generation}{SUFFIX}")

    def coverage(self) -> Coverage | None:
        """What the newest file claims to hold, read from the note beside it; ``None``: unknown."""
        generations = self.generations()
        if not generations:
            return None
        try:
            with open(self.path(generations[0]) + ".json", encoding="utf-8") as file:
                found = Coverage(**json.load(file))
        except (OSError, ValueError, TypeError):
            return None
        return found if self.mine(found) else None

    def load(self) -> LoadedIndex:
        """The newest usable file, or an empty index with a note of why there is none."""
        from indexer.vectors.index import VectorIndex

        notes = []
        for generation in self.generations():
            path = self.path(generation)
            try:
                index, meta = VectorIndex.load(path)
                held = Coverage(**meta)
            except (DamagedIndexError, OSError, TypeError) as error:
                notes.append(f"{os.path.basename(path)} is unusable: {error}")
                continue
            if self.mine(held) and index.dim == self.dim:
                return LoadedIndex(index, held.max_id, held.seq, "; ".join(notes) or None)
            notes.append(f"{os.path.basename(path)} belongs to another collection")
        return LoadedIndex(VectorIndex.create(self.dim), 0, 0, "; ".join(notes) or None)

    def save(self, loaded: LoadedIndex) -> None:
        """Build the index, write a new generation durably, then remove older ones.

        Raises:
            OSError: the disk is full or refuses.
        """
        loaded.index.build()
        older = self.generations()
        path = self.path(older[0] + 1 if older else 1)
        held = Coverage(
            digest=self.digest,
            incarnation=self.incarnation,
            space=self.space,
            max_id=loaded.max_id,
            seq=loaded.seq,
            rows=len(loaded.index),
            kind=loaded.index.kind,
        )
        loaded.index.save(path, asdict(held))
        write_text(path + ".json", json.dumps(asdict(held)))
        self.remove(older)
        loaded.note = None

    def remove(self, generations: list[int]) -> None:
        """Delete files; they are a cache."""
        for generation in generations:
            for path in (self.path(generation), self.path(generation) + ".json"):
                with suppress(FileNotFoundError):
                    os.unlink(path)
        if generations:
            sync_directory(self.folder)

    def worth_saving(
        self,
        images: int,
        max_id: int,
        deletions_since: Callable[[int], int],
        revivals_since: Callable[[int], int] = lambda _: 0,
    ) -> bool:
        """Whether so much has changed since the newest file that a new one pays.

        Args:
            images: live ones.
            max_id: the largest id in a segment.
            deletions_since: how many were deleted after a commit, and are gone.
            revivals_since: how many came back after a commit.
        """
        held = self.coverage()
        if held is None:
            return images > 0 or bool(self.generations())
        hidden = deletions_since(held.seq)
        grown = max_id > held.max_id or revivals_since(held.seq)
        uncovered = images - (held.rows - hidden) if grown else 0
        tail = max(_TAIL_ROWS, _TAIL_SHARE * images)
        return uncovered > tail or hidden > max(_TAIL_ROWS, _HIDDEN_SHARE * held.rows)

    def mine(self, held: Coverage) -> bool:
        """Whether a file belongs to this space of this collection, as its catalog is now."""
        return (held.digest, held.incarnation, held.space) == (
            self.digest,
            self.incarnation,
            self.space,
        )


def catch_up(
    loaded: LoadedIndex,
    files: IndexFiles,
    segments_folder: str,
    segments: tuple[Segment, ...],
    seq: int,
    deleted: NDArray[np.int64],
    revived: NDArray[np.int64] = _NONE,
) -> None:
    """Bring an index in memory to a commit.

    Args:
        loaded: changed in place.
        files: names its space.
        segments_folder: where the segments are.
        segments: live ones, by smallest id.
        seq: number of the commit.
        deleted: (m,) int64, all ids deleted after ``loaded.seq`` that are not back since.
        revived: (m,) int64, ids that came back after ``loaded.seq``; those of ``deleted`` that were
            deleted once more may be among them.

    Raises:
        CollectionError: a segment is damaged, or was merged away meanwhile.
    """
    back = np.setdiff1d(revived[revived <= loaded.max_id], deleted)
    dropped = loaded.index.reveal(back)
    loaded.index.hide(deleted[deleted <= loaded.max_id])
    for segment in segments:
        inside = (dropped >= segment.min_id) & (dropped <= segment.max_id)
        if inside.any():
            ids, rows = _read(segments_folder, segment, files, int(dropped[inside][0]) - 1)
            keep = np.isin(ids, dropped)
            loaded.index.add(ids[keep], rows[keep])
    for segment in segments:
        if segment.max_id <= loaded.max_id:
            continue
        ids, rows = _read(segments_folder, segment, files, loaded.max_id)
        keep = ~np.isin(ids, deleted)
        loaded.index.add(ids[keep], rows[keep])
        loaded.max_id = segment.max_id
    loaded.seq = seq  # last: until all is in, it is not up to date, and the next caller tries again


def _read(
    folder: str, segment: Segment, files: IndexFiles, after: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    path = os.path.join(folder, segment.name)
    if not os.path.exists(path):
        raise SegmentGoneError(f"segment {segment.name} is missing; run `vitrail verify --repair`")
    return read_vectors(path, files.space, files.dim, after=after)


class SegmentGoneError(CollectionError):
    """A listed segment file is missing: merged by a writer meanwhile, or lost."""
