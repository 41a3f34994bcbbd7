"""An index brought forward to a later commit: segments that came since, images hidden or back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.building import OnStep, no_step
from vitrail.indexer.errors import DamagedError, InputError
from vitrail.indexer.segments.segment_file import Segment, read_ids
from vitrail.indexer.vectors.indexes import IndexFiles, LoadedIndex

if TYPE_CHECKING:
    from vitrail.indexer.vectors.index import VectorIndex


@dataclass(frozen=True, slots=True)
class Visibility:
    """What was hidden and shown between an index's commit and a later one.

    Attributes:
        deleted: (m,) int64, all ids deleted since that are not back.
        revived: (m,) int64, ids that came back since; those of ``deleted`` that were deleted once
            more may be among them.
        hidden: gives (h,) int64 ids from one to another that are hidden at the later commit,
            whenever that was done.
    """

    deleted: NDArray[np.int64]
    revived: NDArray[np.int64]
    hidden: Callable[[int, int], NDArray[np.int64]]


def caught_up(
    loaded: LoadedIndex,
    files: IndexFiles,
    segments_folder: str,
    segments: Sequence[Segment],
    seq: int,
    changes: Visibility,
    on_step: OnStep = no_step,
) -> LoadedIndex:
    """An index as of a later commit, made of an earlier one and the segments since.

    Ids of a segment that came later may be smaller than those of one that came before, and a merged
    one holds ids of both: of a segment whose name is not known, what is taken is what lacks.

    Args:
        loaded: the earlier one.
        files: names its space.
        segments_folder: where the segments are.
        segments: live ones, by smallest id.
        seq: number of the commit.
        changes: what was hidden and shown since.
        on_step: told of ``reading``: rows of segments that came since.

    Raises:
        SegmentGoneError: a segment was merged away meanwhile, or is lost.
        UnreadableError: a segment cannot be read now.
        DamagedError: a segment is damaged.
    """
    index, dropped = loaded.index.restored(np.setdiff1d(changes.revived, changes.deleted))
    index = index.without(changes.deleted)
    known = [segment for segment in segments if loaded.covers(segment)]
    index = _with_stored(index, files, segments_folder, known, dropped)
    new = [segment for segment in segments if not loaded.covers(segment)]
    if new:
        low, high = min(s.min_id for s in new), max(s.max_id for s in new)
        hidden = changes.hidden(low, high)
        read, total = 0, sum(segment.rows for segment in new)
        for segment in new:
            ids = read_ids(segments_folder, segment)
            lacking = np.setdiff1d(index.lacking(ids), hidden, assume_unique=True)
            index = _with_stored(index, files, segments_folder, [segment], lacking)
            read += segment.rows
            on_step("reading", read, total)
    return LoadedIndex(index, frozenset(s.name for s in segments), seq, loaded.note)


def read_anew(
    files: IndexFiles,
    segments_folder: str,
    segments: Sequence[Segment],
    ids: NDArray[np.int64],
) -> VectorIndex:
    """An index of some images, of the segments alone.

    Args:
        files: names its space.
        segments_folder: where the segments are.
        segments: as of the commit that ``ids`` are of.
        ids: (n,) int64, ascending.

    Raises:
        SegmentGoneError: a segment was merged away meanwhile, or is lost.
        UnreadableError: a segment cannot be read now.
        DamagedError: a segment is damaged.
    """
    return _with_stored(files.empty().index, files, segments_folder, segments, ids)


def _with_stored(
    index: VectorIndex,
    files: IndexFiles,
    segments_folder: str,
    segments: Sequence[Segment],
    wanted: NDArray[np.int64],
) -> VectorIndex:
    """An index and (n,) ascending ids that it lacks, of whichever segments hold them."""
    for segment in segments:
        inside = wanted[(wanted >= segment.min_id) & (wanted <= segment.max_id)]
        if len(inside):
            after = int(inside[0]) - 1
            ids, rows = files.read_rows(segments_folder, segment, after=after)
            index = _grown(index, segment, ids, rows, np.isin(ids, inside))
    return index


def _grown(
    index: VectorIndex,
    segment: Segment,
    ids: NDArray[np.int64],
    rows: NDArray[np.float32],
    keep: NDArray[np.bool_],
) -> VectorIndex:
    chosen, vectors = (ids, rows) if keep.all() else (ids[keep], rows[keep])
    try:
        return index.with_rows(chosen, vectors)
    except InputError as error:
        raise DamagedError(
            f"segment {segment.name} holds what no encoder gives ({error})",
            remedy="run `vitrail verify`",
        ) from error
