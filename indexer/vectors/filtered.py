"""Search behind a filter: in the lists around the query, or wherever allowed rows are.

A plan of lists to read takes what a filter lets through for a random share of the rows. Labels and
folders are none: where they leave out the query's own neighbourhood, the nearest that are allowed
lie far out and are spread over many lists. Then lists with allowed rows are read from the nearest
on, twice as many each time, until those farther out are likely to hold hardly any of the best. All
of them cost a fraction of a scan. What their one-bit codes miss shows by how far their estimates
were off.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.vectors.answers import CandidateRows, Part
from vitrail.indexer.vectors.coded import CodedRows
from vitrail.indexer.vectors.exact import Floats, Ids
from vitrail.indexer.vectors.lists import InvertedLists
from vitrail.indexer.vectors.passing import Passing
from vitrail.indexer.vectors.plans import ProbePlan, depth, farthest, surprising
from vitrail.indexer.vectors.rows import Rows

NEARLY = 0.9999  # the most that is told of what a sample or an estimate shows
_DEEPER = 2  # times the candidates of a plan: rows far away are harder to tell apart
_MUCH_DEEPER = 4  # times those, where their estimates call for it
_SLOPES = 0.1, 1.0  # of scores over estimates: these are spread wider by their errors
_EPSILON = 1e-9
_COUNTED = 100  # up to which rank it is worth while to count by codes
_HOLDING = 4  # times the rows have to be read among which a rank is counted
_FIRST = 64  # lists that are read before it is asked whether more bring anything
_DEEP, _DEEPEST = 10, 50  # times k best rows, or so many, tell that: of k alone chance would
_WORTH_IT = 2  # times its candidates there have to be for codes to choose among

Found = tuple[Ids, Floats]
"""Ids and their scores, unordered."""

Choose = Callable[[Ids, int], tuple[Ids, Floats]]
"""Queries by number and how many are wanted -> (q, wanted) positions, and what codes estimate."""


@dataclass(slots=True)
class FilteredSearch:
    """The ``k`` nearest among some rows, for one batch of queries.

    Args:
        rows: all of them.
        lists: of these.
        queries: (q, dim) float32, unit rows.
        k: how many are wanted.
        allowed: those that may be found.
        recall: the share of the true ``k`` nearest that should be found.
    """

    rows: Rows
    lists: InvertedLists
    queries: Floats
    k: int
    allowed: Passing
    recall: float
    _near: Floats = field(init=False)
    _found: dict[int, Found] = field(init=False, default_factory=dict)
    _scanned: int = field(init=False, default=0)
    _told: float = field(init=False, default=1.0)

    def answer(self, *, far: bool = False, coded: CodedRows | None = None) -> Part:
        """Candidates, exact or with the recall that they are likely to have.

        Args:
            far: whether it is known that a filter leads away from the queries.
            coded: codes of the rows that may be found, where there are any: then lists are not
                read.
        """
        if coded is not None:
            if self.recall < 1:
                first = depth(self.k)
                self._sweep(
                    max(first, min(_MUCH_DEEPER * first, len(coded) // _WORTH_IT)),
                    lambda left, wanted: coded.candidates(self.queries[left], wanted),
                    first,
                )
        elif self.recall < 1 and _WORTH_IT * _DEEPER * depth(self.k) <= len(self.allowed):
            self._near = self.lists.nearness(self.queries)
            share = self.allowed.share
            plan = None if far else self.lists.plan(self.recall, self.k, share)
            if plan is not None:
                self._look_around(plan, self.k / share)
            self._go_outwards(_DEEPER * depth(self.k))
            self._sweep(_DEEPER * _MUCH_DEEPER * depth(self.k), self._of_all_lists)
        self._scan()
        candidates = [self._found[i] for i in range(len(self.queries))]
        return Part(CandidateRows.of(candidates), self._scanned, self._told)

    def _look_around(self, plan: ProbePlan, reach: float) -> None:
        """Take what the lists around each query hold, unless these are not the place."""
        found = self.lists.candidates(self.queries, self.k, plan.probes, self.allowed, self._near)
        for i, places in enumerate(found):
            own = places[places >= 0]
            if len(own) >= self.k:
                scores = self.rows.score(own, self.queries[i])
                if not self._is_far(i, _kth(scores, self.k), plan, reach):
                    self._take(i, own, scores, plan.recall)

    def _is_far(self, i: int, kth: float, plan: ProbePlan, reach: float) -> bool:
        """Whether the worst that was found is of a higher rank among all rows than was planned for.

        ``reach`` is the rank to be expected if what passes is a random share, and how much more
        that chance makes of it (a gamma distribution's hundredth part) is allowed for. A low rank
        is counted by codes, a high one by a sample, in the lists that were read. Where those hold
        hardly more rows than that, as small ones do, the rank cannot be told from them.
        """
        most = max(self.lists.covered(reach), farthest(self.k, reach))
        query, near = self.queries[i], self._near[i]
        if self.lists.held(near, plan.probes) < _HOLDING * most:
            return True  # so few rows can hardly be of a higher rank than that
        if most <= _COUNTED:
            counted = math.floor(most) + 1
            return self.lists.count_by_codes(query, kth, near, plan.probes, counted) > most
        nearer, each = self.lists.count_nearer(self.rows, query, kth, near, plan.probes)
        return nearer >= surprising(reach / each) and nearer * each > most

    def _go_outwards(self, wanted: int) -> None:
        """Take what lists hold from the nearest on, once those farther out can hold but little."""
        left = self._left()
        filled = self.lists.filled(self.allowed) if len(left) else left
        for i in left.tolist():
            lists = filled[np.argsort(-self._near[i, filled])]
            known: list[_Read] = []
            end = 0
            while end < len(lists):
                start, end = end, max(_FIRST, 2 * end)
                known.append(self._read(i, lists[start:end], wanted))
                scores = np.concatenate([one.scores for one in known])
                if len(scores) < self.k:
                    continue
                kth = _kth(scores, self.k)
                missed = sum(one.missed(kth, wanted) for one in known) / self.k
                farther = expected_farther(known, self.k) if end < len(lists) else 0.0
                if (share := 1 - missed - farther) >= self.recall:
                    places = np.concatenate([one.places for one in known])
                    self._take(i, places, scores, share)
                    break

    def _read(self, i: int, lists: NDArray[np.int64], wanted: int) -> _Read:
        """The rows in some lists whose codes look best to a query."""
        query, near = self.queries[i : i + 1], self._near[i : i + 1]
        (found,), (estimates,) = self.lists.sweep(query, wanted, self.allowed, near, lists)
        places, estimates = found[found >= 0], estimates[found >= 0]
        return _Read(places, self.rows.score(places, query[0]), estimates)

    def _sweep(self, wanted: int, choose: Choose, first: int | None = None) -> None:
        """Take what the codes of all allowed rows choose, where that is likely to be enough.

        ``first`` so many are scored, then all: where scoring costs more than choosing.
        """
        left = self._left()
        if not len(left) or _WORTH_IT * wanted > len(self.allowed):
            return
        for i, places, estimates in zip(left.tolist(), *choose(left, wanted), strict=True):
            for some in (wanted,) if first is None else (first, wanted):
                scores = self.rows.score(places[:some], self.queries[i])
                missed = expected_missed(scores, estimates[:some], _kth(scores, self.k))
                if (share := 1 - min(self.k, missed) / self.k) >= self.recall:
                    self._take(i, places[:some], scores, share)
                    break
        self._sweep(_MUCH_DEEPER * wanted, choose)

    def _of_all_lists(self, left: Ids, wanted: int) -> tuple[Ids, Floats]:
        return self.lists.sweep(self.queries[left], wanted, self.allowed, self._near[left])

    def _scan(self) -> None:
        """Take exact candidates for what is left."""
        left = self._left()
        if len(left):
            part = self.rows.scan_some(self.queries[left], self.k, self.allowed)
            self._found.update(zip(left.tolist(), part.candidates.each(len(left)), strict=True))
            self._scanned += part.scanned

    def _take(self, i: int, places: Ids, scores: Floats, share: float) -> None:
        self._found[i] = self.rows.ids[places], scores
        self._scanned += len(places)
        self._told = min(self._told, share, NEARLY)

    def _left(self) -> NDArray[np.int64]:
        return np.array([i for i in range(len(self.queries)) if i not in self._found], np.int64)


class _Read(NamedTuple):
    """What was read of some lists: (m,) places, their cosines, and what their codes estimated."""

    places: Ids
    scores: Floats
    estimates: Floats

    def missed(self, score: float, wanted: int) -> float:
        """How many rows of these lists are likely to score more, and not to be among these."""
        if len(self.places) < wanted:  # there are no others
            return 0.0
        return expected_missed(self.scores, self.estimates, score)


def expected_farther(known: Sequence[_Read], k: int) -> float:
    """What share of the nearest rows is likely to lie farther out than has been read.

    Each step reads as many lists as all before it. Of the best rows, some times as many as are
    wanted, the last step brought some share of what the one before it did; those to come are taken
    to go on at that rate, whereas they bring ever less.
    """
    scores = np.concatenate([one.scores for one in known])
    deep = max(_DEEP * k, _DEEPEST)
    if len(known) < 2 or len(scores) < deep:
        return 1.0
    least = _kth(scores, deep)
    before, last = (int(np.count_nonzero(one.scores >= least)) for one in known[-2:])
    if last >= before:
        return float(last > 0)
    return last / deep * last / (before - last)


def expected_missed(scores: Floats, estimates: Floats, kth: float) -> float:
    """How many rows that score more than the k-th are likely not to be among the best estimated.

    The candidates show what scores go with an estimate (a line, and a normal distribution around
    it), and by what rate rows become more as estimates get lower (taken to be exponential, at the
    mean rate of the candidates, which is rather too fast). Both go on below the last estimate,
    where some rows score more than the k-th after all.

    Args:
        scores: (m,) float32 cosines of the candidates, m at least 1.
        estimates: (m,) float32 what their codes made of them.
        kth: the score of the k-th best row that was found.
    """
    above = estimates.astype(np.float64) - estimates.min()
    rise, middle = float(above.mean()), float(scores.mean(dtype=np.float64))
    if not rise > 0:  # nor where estimates are no numbers
        return math.inf
    around = above - rise
    slope = float(np.clip(around @ scores / (around @ around), *_SLOPES))
    spread = float((scores - slope * around).std()) + _EPSILON
    rate = spread / (slope * rise)
    steps = (kth - (middle - slope * rise)) / spread
    exponent = rate * (rate / 2 - steps)
    if exponent > 50:  # so many that it does not matter how many
        return math.inf
    share = math.exp(exponent) * _beyond(steps - rate) - _beyond(steps)
    return len(scores) * max(0.0, share)


def _beyond(steps: float) -> float:
    """The share of a normal distribution above so many standard deviations."""
    return 0.5 * math.erfc(steps / math.sqrt(2))


def _kth(scores: Floats, k: int) -> float:
    return float(np.partition(scores, len(scores) - k)[len(scores) - k])
