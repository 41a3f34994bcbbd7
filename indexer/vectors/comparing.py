"""A block of vectors compared with those it meets: the nearest of each, or all that are near."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from vitrail.indexer.vectors.best_of_block import BestOfBlock, score_pairs
from vitrail.indexer.vectors.exact import ROUNDING, Floats, Ids, Mask, check_scores
from vitrail.indexer.vectors.meetings import Meeting, MeetingPlan, Side

_LEFT_OUT = np.float32(-3)  # scored by what shall not be found
_PAIRS = 1 << 20  # given at a time

Stop = Callable[[], bool]


class StoppedError(Exception):
    """Whoever asked does not want to know any more."""


class Sides:
    """Who asks and who may be answered.

    Args:
        asking: the vectors that ask.
        answering: those that may be answered.
        among_themselves: whether an id on both sides is the same vector, which is not its own
            neighbour.
    """

    def __init__(self, asking: Side, answering: Side, *, among_themselves: bool) -> None:
        self.asking = asking
        self.answering = answering
        self.among_themselves = among_themselves
        # Which of either side are on the other one too; None is all.
        self._asks: Mask | None = None
        self._answers: Mask | None = None
        if among_themselves and asking is not answering:
            self._asks = np.isin(answering.ids, asking.ids)
            self._answers = np.isin(asking.ids, answering.ids)

    def same(self, asking: Ids, answering: Ids) -> tuple[Ids, Ids]:
        """Rows and columns of (m,) positions that ask and (n,) that answer where both are one."""
        if not self.among_themselves or not len(answering):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        ids, known = self.asking.ids[asking], self.answering.ids[answering]
        column = np.minimum(np.searchsorted(known, ids), len(known) - 1)
        row = np.flatnonzero(known[column] == ids)
        return row, column[row]

    def once(self, asking: Ids, answering: Ids) -> Mask | None:
        """(m, n) bool of the pairs that are to be told; ``None`` is all.

        Among themselves the one of the lower id tells a pair, unless only the other one asks.
        """
        if not self.among_themselves:
            return None
        ids, known = self.asking.ids[asking][:, None], self.answering.ids[answering]
        told: Mask = known > ids
        if self._asks is not None and self._answers is not None:
            told |= (known < ids) & ~(self._asks[answering] & self._answers[asking][:, None])
        return told


def nearest(
    sides: Sides, positions: Ids, plan: MeetingPlan, k: int, stop: Stop = lambda: False
) -> tuple[Ids, Floats]:
    """The ``k`` nearest of each of (q,) positions that ask, among those it meets.

    Returns:
        (q, k) int64 ids and float32 cosines, best first, equal ones by id; -1 and NaN fill up.

    Raises:
        StoppedError: it was stopped.
    """
    rows = sides.asking.rows(positions)
    best = BestOfBlock(rows, k)

    def scored(meeting: Meeting) -> Floats:
        some, met = meeting
        scores = _products(sides.answering, rows, meeting)
        scores[sides.same(positions[some], met)] = _LEFT_OUT
        return scores

    for meeting in plan.first(rows):
        best.raise_floor(meeting[0], scored(meeting))
    for meeting in _until(stop, plan.meetings(rows)):
        best.add(*meeting, scored(meeting))
    found, cosines = best.best(sides.answering.ids, sides.answering.rows)
    few = np.flatnonzero(found[:, -1] < 0)
    if len(few) and plan.rest is not None:
        found[few], cosines[few] = nearest(sides, positions[few], plan.rest, k, stop)
    return found, cosines


def pairs(
    sides: Sides, positions: Ids, plan: MeetingPlan, least: float, stop: Stop = lambda: False
) -> Iterator[tuple[Ids, Ids, Floats]]:
    """Pairs of (q,) positions that ask and what they meet, of at least that cosine.

    Among themselves each pair is told once; see ``Sides.once``.

    Yields:
        (m,) int64 places among ``positions``, (m,) int64 positions that answer, (m,) cosines.

    Raises:
        StoppedError: it was stopped.
    """
    rows = sides.asking.rows(positions)
    found: list[tuple[Ids, Ids]] = []
    held = 0
    for meeting in _until(stop, plan.meetings(rows)):
        some, met = meeting
        near = _products(sides.answering, rows, meeting) >= least - ROUNDING
        once = sides.once(positions[some], met)
        if once is not None:
            near &= once
        which, column = np.nonzero(near)
        found.append((some[which], met[column]))
        held += len(which)
        if held > _PAIRS:
            yield from _scored(sides, rows, found, least)
            found, held = [], 0
    yield from _scored(sides, rows, found, least)


def _scored(
    sides: Sides, rows: Floats, found: list[tuple[Ids, Ids]], least: float
) -> Iterator[tuple[Ids, Ids, Floats]]:
    if found:
        which, met = (np.concatenate(part) for part in zip(*found, strict=True))
        cosines = score_pairs(rows, which, met, sides.answering.rows)
        near = cosines >= least
        if near.any():
            yield which[near], met[near], cosines[near]


def _until(stop: Stop, meetings: Iterator[Meeting]) -> Iterator[Meeting]:
    for meeting in meetings:
        if stop():
            raise StoppedError
        yield meeting


def _products(answering: Side, rows: Floats, meeting: Meeting) -> Floats:
    """(m, n) float32 inner products of a meeting."""
    some, met = meeting
    asking = rows if len(some) == len(rows) else rows[some]
    scores: Floats = asking @ answering.rows(met).T
    check_scores(scores)
    return scores
