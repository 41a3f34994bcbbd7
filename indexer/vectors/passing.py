"""The rows that a filter lets through, in each form that a search wants, worked out once.

Half of a million ids take longer to be looked up, marked and packed than their nearest take to be
found. Whoever asks behind the same filter again hands in the same array, which nobody can write to,
and finds what was worked out before.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.vectors.beside import Beside, NotWantedError
from vitrail.indexer.vectors.coded import CodedRows
from vitrail.indexer.vectors.exact import Floats, Ids, Mask
from vitrail.indexer.vectors.later import Later, once

if TYPE_CHECKING:
    from vitrail.indexer.vectors.rows import Rows

T = TypeVar("T")
Take = Callable[[Ids], Floats]
"""(m,) int64 positions -> (m, dim) float32 rows."""
_KEPT = 4  # filters of one set of rows: of a million rows each is 9 MB at most,
KEPT_BYTES = 64 << 20
"""And what filters keep to be answered sooner has so many bytes, all of them together."""


def bytes_copied(numbers: int) -> int:
    """Of a copy of so many numbers, which may be turned later: that is as much again."""
    return 8 * numbers


class Passing:
    """Those of some rows that may be found; never changed, so threads share it.

    Args:
        rows: how many there are.
        places: (p,) int64 ascending distinct positions of those that may be found.

    Attributes:
        copied: those rows themselves, side by side, once they were asked for often.
        coded: their codes, likewise.
    """

    def __init__(self, rows: int, places: Ids) -> None:
        self.rows = rows
        self.places = places
        self.copied: Later[Rows] = Later()
        self.coded: Later[CodedRows] = Later()

    @classmethod
    def marked(cls, marks: Mask) -> Passing:
        """By an array of (n,) bool, true where a row may be found."""
        passing = cls(len(marks), np.flatnonzero(marks))
        passing.__dict__["marks"] = marks
        return passing

    def __len__(self) -> int:
        return len(self.places)

    @property
    def kept_bytes(self) -> int:
        """Of what is kept of its rows."""
        copied, coded = self.copied.made, self.coded.made
        copies = 0 if copied is None else bytes_copied(copied.size)
        return copies + (0 if coded is None else coded.nbytes)

    def forget(self) -> None:
        """Keep nothing of its rows until they are asked for as often again."""
        self.copied.forget()
        self.coded.forget()

    @property
    def share(self) -> float:
        """Of all rows, those that may be found."""
        return len(self.places) / max(1, self.rows)

    @once
    def marks(self) -> Mask:
        """(n,) bool, true where a row may be found."""
        marks = np.zeros(self.rows, bool)
        marks[self.places] = True
        return marks

    @once
    def bits(self) -> NDArray[np.uint8]:
        """The same as bits, the first one the lowest, as FAISS selects rows by."""
        return np.packbits(self.marks, bitorder="little")


class LatestPassing:
    """What the latest filters let through of some rows; threads share it."""

    def __init__(self) -> None:
        self._guards: dict[int, threading.Lock] = {}
        self._kept: OrderedDict[int, tuple[weakref.ref[Ids], Passing]] = OrderedDict()
        self._beside = Beside()

    @property
    def _guard(self) -> threading.Lock:
        """This process's: another thread of the one that forked it may have held that one's."""
        return self._guards.setdefault(os.getpid(), threading.Lock())

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

    def begin(
        self, passing: Passing, later: Later[T], size: int, make: Callable[[Take], T], take: Take
    ) -> None:
        """Begin to make something of a filter's rows beside questions, if nothing else is made.

        Whatever else filters keep is forgotten, the longest unused first, where all of it would be
        too much; without room, or of a filter that is not kept, nothing is begun.

        Args:
            passing: of the filter.
            later: is told what was made; one of its attributes.
            size: bytes that it takes, and that are claimed by beginning it.
            make: gives it of what takes rows, which it asks for block by block.
            take: the method that takes them, of what is only held as long as others do.
        """
        with self._guard:
            if self._beside.busy:
                return
            array = next((array for array, one in self._kept.values() if one is passing), None)
            if array is None or not self._claim(passing, size):
                return
            source, asked = weakref.WeakMethod(take), weakref.ref(passing)

            def making(go_on: Callable[[], None]) -> T:
                def taken(positions: Ids) -> Floats:
                    go_on()
                    own = source()
                    if own is None or array() is None or asked() is None:
                        raise NotWantedError
                    return own(positions)

                return make(taken)

            self._beside.begin(making, later)

    def _claim(self, asked: Passing, size: int) -> bool:
        """Whether there is room for so many bytes more of a filter, which others make."""
        held = asked.kept_bytes + size
        if held > KEPT_BYTES:
            return False
        for _, passing in reversed(self._kept.values()):
            if passing is not asked:
                held += passing.kept_bytes
                if held > KEPT_BYTES:
                    passing.forget()
        return True

    def settle(self) -> None:
        """Wait until what is being made is there."""
        self._beside.wait()
