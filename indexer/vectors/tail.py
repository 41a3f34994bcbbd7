"""Rows added since an index was last built, and both as one for the next build."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence

import numpy as np

from vitrail.indexer.building import OnStep, no_step
from vitrail.indexer.vectors.exact import Floats, Ids
from vitrail.indexer.vectors.room import Room, Spill
from vitrail.indexer.vectors.rows import Rows

_LEAST = 64  # rows there is room for
_GROWTH, _FILE_GROWTH = 2.0, 1.125  # times as many rows; files grow without being copied
_BLOCK = 1 << 14  # rows copied at a time
_IN_MEMORY = Spill()


class Tail(Rows):
    """Rows that grow at little cost, for what was added since the index was last built.

    Args:
        ids: (n,) int64, ascending, distinct.
        matrix: (n, dim) float32.
        spill: where they go once they take much room.
        room: that they are at the beginning of.
    """

    def __init__(
        self, ids: Ids, matrix: Floats, spill: Spill = _IN_MEMORY, room: _Spare | None = None
    ) -> None:
        super().__init__(ids, matrix)
        self.spill = spill
        self._room = _Spare(ids, Room(matrix), len(ids)) if room is None else room

    @classmethod
    def empty(cls, dim: int, spill: Spill = _IN_MEMORY) -> Tail:
        """No rows, of ``dim`` columns."""
        return cls(np.empty(0, np.int64), np.empty((0, dim), np.float32), spill)

    def appended(self, ids: Ids, vectors: Floats) -> Tail:
        """These rows and (m,) distinct ids, none of them visible here, with (m, dim) vectors.

        Hidden rows are dropped: a hidden id may come again, and must not be here twice.
        """
        order = np.argsort(ids)
        ids, vectors = ids[order], vectors[order]
        if self.hidden_count or (len(self.ids) and len(ids) and ids[0] < self.ids[-1]):
            ids, packed = _packed((self, Rows(ids, vectors)), self.spill)
            return Tail(ids, packed.rows, self.spill, _Spare(ids, packed, len(ids)))
        room = self._room.extended(len(self.ids), ids, vectors, self.spill)
        size = len(self.ids) + len(ids)
        return Tail(room.ids[:size], room.matrix[:size], self.spill, room)


class _Spare:
    """Arrays with spare rows behind those that tails show; rows once written never change.

    Args:
        ids: (n,) int64.
        vectors: (n, dim) float32.
        used: how many rows are written.
    """

    def __init__(self, ids: Ids, vectors: Room, used: int) -> None:
        self.ids = ids
        self.matrix = vectors.rows
        self._vectors = vectors
        self._used = used
        self._process = os.getpid()
        self._guard = threading.Lock()

    def extended(self, used: int, ids: Ids, vectors: Floats, spill: Spill) -> _Spare:
        """Room whose first ``used`` rows are the same and are followed by these.

        It is this one where the rows behind are free, and another where they are too few or belong
        to another tail that grew from the same beginning, or to the process that forked this one:
        both map the same file.
        """
        end = used + len(ids)
        # A fork may have come while another thread held the guard, which nobody gives back there.
        room = self._behind(used, end) if self._process == os.getpid() else None
        room = room or self._copied(used, end, spill)
        room.ids[used:end] = ids
        room.matrix[used:end] = vectors
        return room

    def _behind(self, used: int, end: int) -> _Spare | None:
        """Room that begins with this one's rows, if these are all that is written here."""
        with self._guard:
            return (self._claimed(end) or self._grown(used, end)) if self._used == used else None

    def _claimed(self, end: int) -> _Spare | None:
        if end > len(self.ids):
            return None
        self._used = end
        return self

    def _grown(self, used: int, end: int) -> _Spare | None:
        capacity = round(_FILE_GROWTH * end)
        vectors = self._vectors.grown(capacity)
        if vectors is None:
            return None
        self._used = -1  # what comes behind is written by the other one
        return _Spare(self._longer(used, capacity), vectors, end)

    def _copied(self, used: int, end: int, spill: Spill) -> _Spare:
        capacity = max(end, round(_GROWTH * used), _LEAST)
        vectors = spill.empty(capacity, self.matrix.shape[1])
        vectors.rows[:used] = self.matrix[:used]
        return _Spare(self._longer(used, capacity), vectors, end)

    def _longer(self, used: int, capacity: int) -> Ids:
        ids = np.empty(capacity, np.int64)
        ids[:used] = self.ids[:used]
        return ids


def merged(base: Rows, tail: Rows, spill: Spill = _IN_MEMORY, on_step: OnStep = no_step) -> Rows:
    """The visible rows of both as one, copied only where that cannot be avoided.

    ``on_step`` is told of ``gathering``, where they are copied.
    """
    if not (len(tail) or base.hidden_count):
        return base
    if not (len(base) or tail.hidden_count):
        return Rows(tail.ids, tail.matrix)
    ids, packed = _packed((base, tail), spill, on_step)
    return Rows(ids, packed.rows)


def _packed(parts: Sequence[Rows], spill: Spill, on_step: OnStep = no_step) -> tuple[Ids, Room]:
    """Ids of the visible rows of some parts, ascending, and their vectors, copied bit by bit."""
    ids = np.concatenate([part.ids[~part.hidden] for part in parts])
    order = np.argsort(ids, kind="stable")
    place_of = np.empty(len(ids), np.int64)
    place_of[order] = np.arange(len(ids))
    packed = spill.empty(len(ids), parts[0].matrix.shape[1])
    done = 0
    for part in parts:
        for start in range(0, len(part.ids), _BLOCK):
            block = slice(start, start + _BLOCK)
            rows = part.matrix[block][~part.hidden[block]]
            packed.rows[place_of[done : done + len(rows)]] = rows
            done += len(rows)
            on_step("gathering", done, len(ids))
    return ids[order], packed
