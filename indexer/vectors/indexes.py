"""Vector index files: a cache of the segments, loaded, caught up and saved."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.building import OnStep, no_step
from vitrail.indexer.errors import DamagedIndexError, UnreadableError
from vitrail.indexer.files.durability import sync_directory
from vitrail.indexer.files.reading import reading
from vitrail.indexer.segments.segment_file import Segment, read_vectors
from vitrail.indexer.spaces import file_stem
from vitrail.indexer.vectors.index_file import read_contents
from vitrail.indexer.vectors.index_layout import Contents
from vitrail.indexer.vectors.room import LARGE
from vitrail.indexer.vectors.whitening import Whitening

if TYPE_CHECKING:
    from vitrail.indexer.vectors.index import VectorIndex

FOLDER = "indexes"
SUFFIX = ".index"
_FORMER_SUFFIX = ".faiss"  # until 0.1.0, though FAISS cannot read such a file
_NAME = re.compile(r"(?P<space>[a-z]+@\d+(~w\d*)?)\.(?P<generation>\d+)\.(index|faiss)")
_TAIL_ROWS = 1000  # rows a reader adds by itself at every open before a new file pays
_TAIL_SHARE = 0.05
_HIDDEN_SHARE = 0.2
_ATTEMPTS = 5  # at files that a writer replaces meanwhile


def lacks_graph(kind: str) -> bool:
    """Whether an index was built by a version that made inverted lists alone, by its kind."""
    return kind.startswith("IVF") and "HNSW" not in kind


def is_index_file(name: str) -> bool:
    """Whether a file of an ``indexes`` folder is an index, by its name."""
    return _NAME.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What an index file says it holds.

    Attributes:
        digest: of the fingerprint.
        incarnation: of the catalog; see ``catalog.State``.
        space: name of the embedding space.
        seq: all deletions and revivals up to this commit are applied.
        rows: vectors in it.
        kind: of the index, such as ``exact``.
        segments: names of those whose live images are in it.
        max_id: so are all up to this id, where a version wrote it that gave no ids out ahead.
        commit: when that commit was, which tells it from one of the same number in a copy of the
            collection that went on apart; nothing where an older version wrote it.
    """

    digest: str
    incarnation: str
    space: str
    seq: int
    rows: int
    kind: str
    segments: Sequence[str] = ()
    max_id: int = 0
    commit: str = ""


@dataclass(frozen=True, slots=True)
class LoadedIndex:
    """An index in memory as of one commit.

    Attributes:
        index: the vectors of the live images of some segments.
        segments: their names, of which some may have been merged into others since.
        seq: the commit up to which all deletions and revivals are applied.
        note: why it was not simply loaded.
        upto: so are all images up to this id, where its file knows no names.
        commit: when the commit was; nothing where its file does not tell.
    """

    index: VectorIndex
    segments: frozenset[str]
    seq: int
    note: str | None = None
    upto: int = 0
    commit: str = ""

    def covers(self, segment: Segment) -> bool:
        """Whether a segment's live images are in it, as far as its name tells."""
        return segment.name in self.segments or segment.max_id <= self.upto


@dataclass(frozen=True, slots=True)
class Derivation:
    """How the rows of a space are worked out from those that segments hold of another one.

    Attributes:
        base: the other one.
        dim: its width.
        transform: reads what is done to a row, when that is first needed.
    """

    base: str
    dim: int
    transform: Callable[[], Whitening]


@dataclass(frozen=True, slots=True)
class IndexFiles:
    """The index files of one space.

    Args:
        folder: the collection's ``indexes`` folder.
        space: name of the space.
        dim: its width.
        digest: of the collection's fingerprint; of a derived space, of its transform too.
        incarnation: of its catalog.
        derivation: of a derived space; ``None`` where segments hold its rows.
    """

    folder: str
    space: str
    dim: int
    digest: str
    incarnation: str
    derivation: Derivation | None = None

    def read_rows(
        self, segments_folder: str, segment: Segment, *, after: int = -1
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """A segment's ids above ``after``, and their (n, dim) float32 rows in this space.

        Raises:
            SegmentGoneError: it is not in the folder.
            UnreadableError: it, or the transform, cannot be read now.
            DamagedError: it, or the transform, is damaged.
            CollectionError: the transform is missing.
        """
        own = self.derivation
        if own is None:
            return read_vectors(segments_folder, segment, self.space, self.dim, after=after)
        ids, rows = read_vectors(segments_folder, segment, own.base, own.dim, after=after)
        return ids, own.transform().apply(rows)

    def generations(self) -> list[int]:
        """Numbers of the files there are, newest first.

        Raises:
            UnreadableError: the folder cannot be read now.
        """
        with suppress(FileNotFoundError), reading(self.folder):
            matches = [_NAME.fullmatch(name) for name in os.listdir(self.folder)]
            stem = file_stem(self.space)
            numbers = {int(m["generation"]) for m in matches if m and m["space"] == stem}
            return sorted(numbers, reverse=True)
        return []

    def path(self, generation: int) -> str:
        """The file of a generation, or where it is to be written."""
        path, former = self._paths(generation)
        return former if os.path.lexists(former) and not os.path.lexists(path) else path

    def _paths(self, generation: int) -> tuple[str, str]:
        stem = os.path.join(self.folder, f"{file_stem(self.space)}.{generation}")
        return stem + SUFFIX, stem + _FORMER_SUFFIX

    def coverage(self) -> Coverage | None:
        """What the newest file says it holds; ``None``: there is none, or none to believe."""
        contents = self._contents()
        try:
            found = Coverage(**contents.header["meta"]) if contents else None
        except (KeyError, TypeError):
            return None
        return found if found and self.mine(found) else None

    def checks(self) -> str | None:
        """When the newest file's vectors are compared with their checksums, in a few words.

        ``at load``, ``by block`` when each is first read, or ``at first use`` of any, where a large
        file was written by an older version; ``None`` where there is no file to believe.
        """
        contents = self._contents()
        if contents is None:
            return None
        section = contents.sections.get("vectors")
        by_block = section is not None and section.block_rows
        return ("by block" if by_block else "at first use") if contents.large else "at load"

    def _contents(self) -> Contents | None:
        try:
            generations = self.generations()
            return read_contents(self.path(generations[0])) if generations else None
        except (DamagedIndexError, UnreadableError, FileNotFoundError):
            return None

    def load(self) -> LoadedIndex:
        """The newest usable file, or an empty index with a note of why there is none.

        A file that cannot be read, whatever the reason, costs time only: the segments have it all.
        """
        for _ in range(_ATTEMPTS):
            with suppress(FileNotFoundError):  # a writer has just saved the next one
                return self._load()
        return self.empty()

    def _load(self) -> LoadedIndex:
        from vitrail.indexer.vectors.index import VectorIndex

        notes = []
        try:
            generations = self.generations()
        except UnreadableError as error:
            return self.empty(str(error))
        for generation in generations:
            path = self.path(generation)
            try:
                index, meta = VectorIndex.load(path)
                held = Coverage(**meta)
            except (DamagedIndexError, UnreadableError, TypeError) as error:
                notes.append(f"{os.path.basename(path)} is unusable: {error}")
                continue
            if self.mine(held) and index.dim == self.dim:
                names, note = frozenset(held.segments), "; ".join(notes) or None
                return LoadedIndex(index, names, held.seq, note, held.max_id, held.commit)
            notes.append(f"{os.path.basename(path)} belongs to another collection")
        return self.empty("; ".join(notes) or None)

    def empty(self, note: str | None = None) -> LoadedIndex:
        """An index that holds nothing yet."""
        from vitrail.indexer.vectors.index import VectorIndex

        return LoadedIndex(VectorIndex.create(self.dim, folder=self.folder), frozenset(), 0, note)

    def save(self, loaded: LoadedIndex, on_step: OnStep = no_step) -> LoadedIndex:
        """Build an index, write a new generation durably, then remove older ones.

        Args:
            loaded: the index.
            on_step: told what is done; what it raises comes out of here, and the older files stay.

        Returns:
            it as it was built; a large one as it lies in the file, to give its memory back.

        Raises:
            OSError: the disk is full or refuses.
        """
        built = replace(loaded, index=loaded.index.built(on_step), note=None)
        older = self.generations()
        path = self.path(older[0] + 1 if older else 1)
        held = Coverage(
            digest=self.digest,
            incarnation=self.incarnation,
            space=self.space,
            seq=loaded.seq,
            rows=len(built.index),
            kind=built.index.kind,
            segments=sorted(loaded.segments),
            max_id=loaded.upto,
            commit=loaded.commit,
        )
        built.index.save(path, asdict(held), on_step)
        self.remove(older)
        return replace(built, index=_as_saved(built.index, path))

    def remove(self, generations: list[int]) -> None:
        """Delete files; they are a cache."""
        for generation in generations:
            own, former = self._paths(generation)
            # Beside those of long ago lay a note, which nothing vouched for.
            for path in (own, former, former + ".json"):
                with suppress(FileNotFoundError):
                    os.unlink(path)
        if generations:
            sync_directory(self.folder)

    def worth_saving(
        self,
        images: int,
        segments: Sequence[Segment],
        deletions_since: Callable[[int], int],
        revivals_since: Callable[[int], int] = lambda _: 0,
    ) -> bool:
        """Whether so much has changed since the newest file that a new one pays.

        Args:
            images: live ones.
            segments: live ones.
            deletions_since: how many were deleted after a commit, and are gone.
            revivals_since: how many came back after a commit.
        """
        held = self.coverage()
        if held is None:
            return images > 0 or bool(self.generations())
        if lacks_graph(held.kind) or self._has_earlier_graph():
            return True
        hidden = deletions_since(held.seq)
        known = frozenset(held.segments)
        new = any(s.name not in known and s.max_id > held.max_id for s in segments)
        grown = new or revivals_since(held.seq)
        uncovered = images - (held.rows - hidden) if grown else 0
        tail = max(_TAIL_ROWS, _TAIL_SHARE * images)
        return uncovered > tail or hidden > max(_TAIL_ROWS, _HIDDEN_SHARE * held.rows)

    def _has_earlier_graph(self) -> bool:
        """Whether there is a graph of an earlier make, which no search uses any more."""
        contents = self._contents()
        sections = contents.sections if contents else {}
        return "graph" in sections and "graph_places" not in sections

    def mine(self, held: Coverage) -> bool:
        """Whether a file belongs to this space of this collection, as its catalog is now."""
        return (held.digest, held.incarnation, held.space) == (
            self.digest,
            self.incarnation,
            self.space,
        )


def _as_saved(built: VectorIndex, path: str) -> VectorIndex:
    """A saved index as others read it, if that spares much memory."""
    if 4 * len(built) * built.dim >= LARGE:
        with suppress(DamagedIndexError, UnreadableError, FileNotFoundError):
            return type(built).load(path)[0]
    return built
