"""The rows that a filter lets through, in each form that a search wants, worked out once.

Half of a million ids take longer to be looked up, marked and packed than their nearest take to be
found. Whoever asks behind the same filter again hands in the same array, which nobody can write to,
and finds what was worked out before.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.vectors.exact import Ids, Mask

_KEPT = 4  # filters of one set of rows: of a million rows each is 9 MB at most


class Passing:
    """Those of some rows that may be found; never changed, so threads share it.

    Args:
        rows: how many there are.
        places: (p,) int64 ascending distinct positions of those that may be found.
    """

    def __init__(self, rows: int, places: Ids) -> None:
        self.rows = rows
        self.places = places

    @classmethod
    def marked(cls, marks: Mask) -> Passing:
        """By an array of (n,) bool, true where a row may be found."""
        passing = cls(len(marks), np.flatnonzero(marks))
        passing.__dict__["marks"] = marks
        return passing

    def __len__(self) -> int:
        return len(self.places)

    @property
    def share(self) -> float:
        """Of all rows, those that may be found."""
        return len(self.places) / max(1, self.rows)

    @cached_property
    def marks(self) -> Mask:
        """(n,) bool, true where a row may be found."""
        marks = np.zeros(self.rows, bool)
        marks[self.places] = True
        return marks

    @cached_property
    def bits(self) -> NDArray[np.uint8]:
        """The same as bits, the first one the lowest, as FAISS selects rows by."""
        return np.packbits(self.marks, bitorder="little")


class LatestPassing:
    """What the latest filters let through of some rows; threads share it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._kept: OrderedDict[int, tuple[weakref.ref[Ids], Passing]] = OrderedDict()

    def of(self, allowed: Ids, work_out: Callable[[Ids], Passing]) -> Passing:
        """What ``work_out`` gives of (n,) ids: now, or when it was last asked of that array.

        An array is known again by being the same one, and only if nobody can write to it: who makes
        it so vouches that no view is left by which somebody could.
        """
        if allowed.flags.writeable or not allowed.flags.owndata:
            return work_out(allowed)
        with self._guard:
            known = self._kept.get(id(allowed))
            if known is not None and known[0]() is allowed:
                self._kept.move_to_end(id(allowed))
                return known[1]
        passing = work_out(allowed)
        with self._guard:
            self._kept[id(allowed)] = weakref.ref(allowed), passing
            self._kept.move_to_end(id(allowed))
            for key in [key for key, (array, _) in self._kept.items() if array() is None]:
                del self._kept[key]
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return passing
