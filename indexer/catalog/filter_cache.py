"""Which images filters let through, of one commit, kept as bitmaps for those who ask again."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
_MOST_BYTES = 8 << 20  # of all that is kept: of a million images a bitmap has 125,000
_MOST = 256  # filters
_MOST_UNPACKED = 32 << 20  # bytes of ids at hand: what searches work out of them is kept with them
# What is true of an image at one moment only is asked anew, whatever else is called so.
_OF_THE_MOMENT = re.compile(
    r"\b(now|today|yesterday|tomorrow|age)\b|current_|localtime", re.IGNORECASE
)


class FilterCache:
    """The ids that filters let through at a commit, the latest asked for; threads share it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._kept: OrderedDict[Hashable, _Packed] = OrderedDict()
        self._bytes = 0
        self._unpacked: OrderedDict[Hashable, Ids] = OrderedDict()

    def find(self, where: str, parameters: Sequence[Any]) -> Ids | None:
        """(n,) int64 ascending ids, which nobody can write to; ``None`` where it is not kept.

        It is the same array as long as the filter is the latest that was asked for, or one of those
        that together have few bytes, so that what was worked out of it can be found again.
        """
        key = _key(where, parameters)
        if key is None:
            return None
        with self._guard:
            packed = self._kept.get(key)
            if packed is None:
                return None
            self._kept.move_to_end(key)
            ids = self._unpacked.get(key)
            if ids is not None:
                self._unpacked.move_to_end(key)
                return ids
        return self._at_hand(key, packed.ids())

    def keep(self, where: str, parameters: Sequence[Any], ids: Ids) -> Ids:
        """Keep what a filter let through, unless another moment would let others through.

        Args:
            where: the expression, which was evaluated without an error.
            parameters: values of its ``?`` marks.
            ids: (n,) int64, ascending, distinct; an array that is not written to any more.

        Returns:
            the ids, which nobody can write to.
        """
        key = _key(where, parameters)
        ids = ids if ids.flags.owndata else ids.copy()
        ids.flags.writeable = False
        if key is None:
            return ids
        packed = _Packed.of(ids)
        if packed.size > _MOST_BYTES:
            return ids
        with self._guard:
            before = self._kept.pop(key, None)
            self._unpacked.pop(key, None)
            self._bytes += packed.size - (0 if before is None else before.size)
            self._kept[key] = packed
            while self._bytes > _MOST_BYTES or len(self._kept) > _MOST:
                other, oldest = self._kept.popitem(last=False)
                self._bytes -= oldest.size
                self._unpacked.pop(other, None)
        return self._at_hand(key, ids)

    def _at_hand(self, key: Hashable, ids: Ids) -> Ids:
        """The ids of a filter as one array for all who ask, which owns them."""
        ids = ids if ids.flags.owndata else ids.copy()
        ids.flags.writeable = False
        with self._guard:
            own = self._unpacked.setdefault(key, ids)
            self._unpacked.move_to_end(key)
            while (
                len(self._unpacked) > 1
                and sum(one.nbytes for one in self._unpacked.values()) > _MOST_UNPACKED
            ):
                self._unpacked.popitem(last=False)
        return own


class _Packed(NamedTuple):
    """Ids in the smaller of two ways: a bit for each from the first one on, or one by one."""

    first: int
    bits: NDArray[np.uint8] | None
    few: Ids | None

    @classmethod
    def of(cls, ids: Ids) -> _Packed:
        span = int(ids[-1] - ids[0]) + 1 if len(ids) else 0
        if span > 64 * len(ids) or not len(ids):
            return cls(0, None, ids)
        marks = np.zeros(span, np.bool_)
        marks[ids - ids[0]] = True
        return cls(int(ids[0]), np.packbits(marks), None)

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(one.nbytes for one in (self.bits, self.few) if one is not None)

    def ids(self) -> Ids:
        """(n,) int64, ascending."""
        if self.bits is None:
            assert self.few is not None
            return self.few
        found: Ids = np.flatnonzero(np.unpackbits(self.bits).view(np.bool_))
        found += self.first
        return found


def _key(where: str, parameters: Sequence[Any]) -> Hashable | None:
    """What tells filters apart; ``None`` where that cannot be told, or depends on the moment."""
    if _OF_THE_MOMENT.search(where):
        return None
    if not all(isinstance(value, str | int | float | bytes | None) for value in parameters):
        return None
    return where, *((type(value), value) for value in parameters)
