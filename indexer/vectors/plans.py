"""How many lists to read for a recall: measured when an index is built, looked up for a search."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.building import OnStep, no_step
from vitrail.indexer.vectors.exact import Floats, Ids, nearest
from vitrail.indexer.vectors.passing import Passing

DEPTHS = {10: 4.0, 30: 2.0, 100: 1.0, 300: 0.3, 1000: 0.1}
"""The k at which recall is measured, and how many times as many rows are looked up as is asked for.

Of few neighbours each more rows have to be looked up: of 200 rows of a million, a walk that finds
98.4% of the ten nearest found 99.4% by chance.
"""
_SEED = 20240522
_FEWEST = 20  # rows that are looked up
_TOGETHER = 512  # of them: a matrix of many gigabytes is read once for each depth then
_TRIED = 32  # of them are tried between two steps that are told
_MARGIN = 0.004  # recall aimed at beyond the wish, because the measured one is a sample
_CHANCE = 3.6
_FAIR, _PERFECT = 0.8, 0.998  # where a measured curve gets interesting, and where it ends
_GAIN = 0.001  # recall that three more steps of lists must bring to go on measuring


class ProbePlan(NamedTuple):
    """How many lists to probe, and the recall that measured."""

    probes: int
    recall: float


Curves = dict[int, list[ProbePlan]]
"""k -> plans in ascending order, with recall@k."""

Candidates = Callable[[Floats, int, int, Passing | None], NDArray[np.int64]]
"""(q, dim) queries, k, probes, rows that may be found -> (q, m) positions, -1 filling up."""


def depth(k: int) -> int:
    """Candidates to score for the ``k`` nearest: one-bit codes order the very near ones roughly."""
    return 200 + 6 * k


def choose(curves: Curves, rows: int, recall: float, k: int, share: float) -> ProbePlan | None:
    """The cheapest plan that reaches ``recall`` for the ``k`` nearest; None if none does.

    Args:
        curves: as measured.
        rows: how many are stored.
        recall: from 0 to 1.
        k: how many are wanted.
        share: of the rows that a filter lets through. The k nearest of a tenth of the rows lie
            about as far out as the 10 k nearest of all, and need as many lists.
    """
    reach = k / share
    if depth(k) * 8 > rows * share or reach > 4 * max(curves, default=0):
        return None
    return chosen(curves, recall, reach)


def chosen(
    curves: Curves, recall: float, reach: float, *, missing: float = 1.0
) -> ProbePlan | None:
    """The cheapest plan that reaches ``recall`` up to the rank ``reach``; None if none does.

    Args:
        curves: as measured.
        recall: from 0 to 1.
        reach: at least 1.
        missing: so many times as many rows are taken to be missed as were measured.
    """
    curve = curves[measured_depth(curves, reach)]
    top = max(plan.recall for plan in curve)
    # beyond the deepest curve as many more rows are missed as it is surpassed by
    missing *= max(1.0, reach / max(curves))
    if 1 - missing * (1 - top) < recall or recall == 1:  # a sample proves nothing perfect
        return None
    promised = min(recall + _MARGIN, 1 - missing * (1 - top))
    wanted = 1 - (1 - promised) / missing
    place = next(i for i, plan in enumerate(curve) if plan.recall >= wanted)
    found = between(curve[place - 1], curve[place], wanted) if place else curve[0]
    return found._replace(recall=min(found.recall, promised))


def farthest(k: int, reach: float) -> float:
    """The rank among all rows that the k-th of a random share of them hardly surpasses.

    ``reach`` is the one to be expected; a gamma distribution's hundredth part is allowed for.
    """
    return reach * (1 + _CHANCE / math.sqrt(k))


def surprising(expected: float, chance: float = 0.01) -> int:
    """How many of a sample's rows are more than chance explains where ``expected`` are expected.

    The least count that a Poisson distribution of that mean reaches with less than ``chance``.
    """
    count, term = 0, math.exp(-expected)
    beyond = 1.0
    while beyond >= chance:
        beyond -= term
        count += 1
        term *= expected / count
    return count


def measured_depth(curves: Curves, reach: float) -> int:
    """The depth whose curve tells of neighbours up to the rank ``reach``, or the greatest."""
    return min((d for d in curves if d >= reach), default=max(curves))


def between(low: ProbePlan, high: ProbePlan, recall: float) -> ProbePlan:
    """A plan of just that recall: it grows ever slower with the logarithm of the lists probed."""
    share = (recall - low.recall) / (high.recall - low.recall)
    return ProbePlan(math.ceil(low.probes * (high.probes / low.probes) ** share), recall)


class Trials(NamedTuple):
    """Rows to be looked up, and what an exact scan found for them.

    Attributes:
        others: the rows that may be found: none of those looked up may find itself.
        each: k -> (q, dim) float32 queries, and the true (k,) int64 positions for each.
    """

    others: Passing
    each: dict[int, tuple[Floats, list[Ids]]]

    def fewer(self, count: int) -> Trials:
        """The first ``count`` of each depth."""
        some = {k: (queries[:count], true[:count]) for k, (queries, true) in self.each.items()}
        return Trials(self.others, some)


def trials(matrix: Floats, samples: int, on_step: OnStep = no_step) -> Trials:
    """Rows of (n, dim) ``matrix`` to be looked up: ``samples``, as ``DEPTHS`` multiplies them.

    ``on_step`` is told of ``sampling``: how many rows were met, for each depth once.
    """
    rng = np.random.default_rng(_SEED)
    most = round(samples * max(DEPTHS.values()))
    own = rng.choice(len(matrix), min(most, len(matrix) // 2), replace=False)
    others = np.ones(len(matrix), bool)
    others[own] = False
    each: dict[int, tuple[Floats, list[Ids]]] = {}
    known: list[Ids] = []
    depths = sorted((k for k in DEPTHS if k * 4 <= len(matrix)), reverse=True)
    counts = [min(len(own), max(_FEWEST, round(samples * DEPTHS[k]))) for k in depths]
    met = 0
    new_ones = np.maximum(0, np.diff(np.maximum.accumulate([0, *counts])))
    total = len(matrix) * int((-(-new_ones // _TOGETHER)).sum())

    def on_rows(more: int) -> None:
        nonlocal met
        met += more
        on_step("sampling", met, total)

    for k, count in zip(depths, counts, strict=True):
        queries = matrix[own[:count]]
        new = queries[len(known) :]
        near = [*known, *nearest(matrix, others, new, k, together=_TOGETHER, on_rows=on_rows)]
        known = [_best(matrix, *one, k) for one in zip(queries, near, strict=True)]
        each[k] = queries, known
    return Trials(Passing.marked(others), dict(sorted(each.items())))


def measured(
    candidates: Candidates, steps: Sequence[int], looked_up: Trials, on_step: OnStep = no_step
) -> Curves:
    """Look up rows with ever more lists, or rows held on to, and compare with a scan.

    Args:
        candidates: what is measured.
        steps: ascending; each is tried until more brings nothing.
        looked_up: what for.
        on_step: told of ``measuring``, of each row once for each of the steps.
    """
    curves: Curves = {}
    enough = before = 0
    total = len(steps) * sum(len(queries) for queries, _ in looked_up.each.values())
    for k, (queries, truth) in looked_up.each.items():
        own = [probes for probes in steps if probes >= enough]
        met = before + len(queries) * (len(steps) - len(own))

        def tried(asked: Floats, k: int, probes: int, keep: Passing | None) -> NDArray[np.int64]:
            nonlocal met
            found = candidates(asked, k, probes, keep)
            met += len(asked)
            on_step("measuring", met, total)
            return found

        curves[k] = _curve(tried, own, queries, truth, looked_up.others)
        before += len(queries) * len(steps)
        # A deeper search never needs fewer lists than a shallow one's first good guess.
        enough = next((n for n, recall in curves[k] if recall >= _FAIR), 0)
    on_step("measuring", total, total)
    return curves


def _curve(
    candidates: Candidates, steps: list[int], queries: Floats, truth: list[Ids], others: Passing
) -> list[ProbePlan]:
    curve: list[ProbePlan] = []
    for probes in steps:
        parts = (queries[at : at + _TRIED] for at in range(0, len(queries), _TRIED))
        found = np.concatenate([candidates(p, len(truth[0]), probes, others) for p in parts])
        curve.append(ProbePlan(probes, _share_found(truth, found, others.rows)))
        # Beyond some point only a deeper list of candidates would help, and it is not measured.
        flat = len(curve) > 3 and curve[-1].recall - curve[-4].recall < _GAIN
        if curve[-1].recall > _PERFECT or (flat and curve[-1].recall > _FAIR):
            break
    return curve


def steps_to(lists: int) -> list[int]:
    """Ever more of ``lists`` lists, twice as many each time.

    What lies between two of them is taken for less than it is, as recall grows ever slower.
    """
    return sorted({min(lists, 1 << power) for power in range(lists.bit_length() + 1)})


def _share_found(truth: list[Ids], found: NDArray[np.int64], count: int) -> float:
    marks = np.zeros(count, bool)
    shares = []
    for true, row in zip(truth, found, strict=True):
        row = row[row >= 0]
        marks[row] = True
        shares.append(marks[true].mean())
        marks[row] = False
    return round(float(np.mean(shares)), 4)


def _best(matrix: Floats, query: Floats, found: Ids, k: int) -> Ids:
    scores = matrix[found] @ query
    best: Ids = found[np.argpartition(-scores, min(k, len(found)) - 1)[:k]]
    return best
