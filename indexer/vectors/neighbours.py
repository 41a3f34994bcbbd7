"""The nearest neighbours of all stored vectors, or of others among them; and all near pairs.

Small sets are compared as a whole. Of larger ones each vector meets the clusters nearest to it, as
many as a sample shows to hold the wished share of true neighbours: ten times as many vectors took
31 times as long, where comparing all takes 100 times (``benchmarks/results/neighbours.md``).
Vectors are read, and answers given, a block at a time; memory holds some 40 bytes a vector, and
some 300 MB for blocks of vectors and of scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from vitrail.indexer.errors import CollectionError, InputError
from vitrail.indexer.vectors.comparing import Sides, StoppedError, nearest, pairs
from vitrail.indexer.vectors.copies import without_spare
from vitrail.indexer.vectors.exact import Floats, Ids, ImpossibleScoreError
from vitrail.indexer.vectors.meetings import MeetingPlan, Side, StoredVectors
from vitrail.indexer.vectors.neighbour_plans import NeighbourPolicy, Planner, Truth

_RECALL = 0.98
_DEFAULT = NeighbourPolicy()
_SAMPLED = 256  # pairs of a sampled vector that are looked up, the nearest ones
_Block = TypeVar("_Block")

OnProgress = Callable[[int, int], None]
"""How many vectors are answered, of how many."""


class NeighbourBlock(NamedTuple):
    """Some vectors and their nearest neighbours.

    Attributes:
        ids: (q,) int64, ascending, of those that ask.
        neighbours: (q, k) int64 ids, best first, equal cosines by ascending id; -1 where there are
            fewer than k.
        cosines: (q, k) float32; NaN beside a -1.
    """

    ids: Ids
    neighbours: Ids
    cosines: Floats


class PairBlock(NamedTuple):
    """Some near pairs, by ascending first and then second id.

    Attributes:
        first: (m,) int64 ids; of those that ask.
        second: (m,) int64 ids; above the first one's where the vectors ask among themselves.
        cosines: (m,) float32.
    """

    first: Ids
    second: Ids
    cosines: Floats


@dataclass(frozen=True, slots=True)
class Answers(Generic[_Block]):
    """An answer that is worked out while it is read, once.

    Attributes:
        recall: which share of what should be there is there, as measured on a sample; 1 if all is.
        blocks: each vector that asks is in one of them; they come in ascending order if ``exact``,
            and else near vectors together. They end early once ``stop`` said so.
    """

    recall: float
    blocks: Iterator[_Block]

    @property
    def exact(self) -> bool:
        """Whether everything was compared."""
        return self.recall == 1


def neighbours(
    vectors: StoredVectors,
    k: int,
    *,
    asking: StoredVectors | None = None,
    allowed: Ids | None = None,
    asked: Ids | None = None,
    recall: float = _RECALL,
    policy: NeighbourPolicy = _DEFAULT,
    on_progress: OnProgress = lambda _done, _total: None,
    stop: Callable[[], bool] = lambda: False,
) -> Answers[NeighbourBlock]:
    """The ``k`` nearest neighbours of every vector, without itself.

    Args:
        vectors: those that are answered; a ``VectorIndex``, for one.
        k: how many.
        asking: others that ask, of the same width; none is left out of their answers then, and ids
            of both may overlap. ``None``: the vectors themselves.
        allowed: (m,) int64 ids that may be answered; ``None`` is all.
        asked: (m,) int64 ids that ask; ``None`` is all.
        recall: the share of true neighbours that should be found; 1 compares everything.
        policy: when everything is compared anyway.
        on_progress: called after each block with how many vectors are answered, of how many.
        stop: once it returns true, the blocks end.

    Raises:
        InputError: ``k`` is not positive, ``recall`` not in (0, 1], or the widths differ.
        CollectionError: stored vectors are damaged or cannot be read now; from ``blocks`` too.
    """
    if k < 1:
        raise InputError(f"k must be at least 1, not {k}")
    sides = _sides(vectors, asking, allowed, asked, recall)
    kept = without_spare(sides.answering, k + 1)

    def answered(positions: Ids, plan: MeetingPlan) -> Iterator[NeighbourBlock]:
        best = nearest(sides, positions, plan, k, stop)
        yield NeighbourBlock(sides.asking.ids[positions], *best)

    def truth(sample: Ids, plan: MeetingPlan) -> tuple[Ids, Ids]:
        return _found(sides, nearest(sides, sample, plan, k, stop)[0])

    planner = Planner(sides.asking, sides.answering, kept, policy, stop)
    return _answers(planner, recall, truth, answered, on_progress)


def near_pairs(
    vectors: StoredVectors,
    least: float,
    *,
    asking: StoredVectors | None = None,
    allowed: Ids | None = None,
    asked: Ids | None = None,
    recall: float = _RECALL,
    policy: NeighbourPolicy = _DEFAULT,
    on_progress: OnProgress = lambda _done, _total: None,
    stop: Callable[[], bool] = lambda: False,
) -> Answers[PairBlock]:
    """All pairs of vectors whose cosine is at least ``least``, each once.

    There are as many pairs as there are: a thousand copies of an image make half a million.

    Args:
        vectors: those that are answered.
        least: a cosine, in [-1, 1].
        asking: others that ask, of the same width: pairs are of one of them and one of ``vectors``.
            ``None``: pairs among the vectors.
        allowed: (m,) int64 ids that may be answered; ``None`` is all.
        asked: (m,) int64 ids that ask; ``None`` is those that may be answered, without ``asking``.
        recall: the share of true pairs that should be found; 1 compares everything.
        policy: when everything is compared anyway.
        on_progress: called after each block with how many vectors are done, of how many.
        stop: once it returns true, the blocks end.

    Raises:
        InputError: ``least`` is no cosine, ``recall`` not in (0, 1], or the widths differ.
        CollectionError: stored vectors are damaged or cannot be read now; from ``blocks`` too.
    """
    if not -1 <= least <= 1:
        raise InputError(f"the least cosine is {least}, but cosines lie between -1 and 1")
    asked = allowed if asking is None and asked is None else asked
    sides = _sides(vectors, asking, allowed, asked, recall)

    def answered(positions: Ids, plan: MeetingPlan) -> Iterator[PairBlock]:
        for which, found, cosines in pairs(sides, positions, plan, least, stop):
            first, second = sides.asking.ids[positions[which]], sides.answering.ids[found]
            order = np.lexsort((second, first))
            yield PairBlock(first[order], second[order], cosines[order])

    def truth(sample: Ids, plan: MeetingPlan) -> tuple[Ids, Ids]:
        found, cosines = nearest(sides, sample, plan, _SAMPLED, stop)
        near = cosines >= least
        near[:, 0] = True  # where there are hardly any pairs, the nearest stand for them
        return _found(sides, np.where(near, found, -1))

    kept = np.arange(len(sides.answering))
    planner = Planner(sides.asking, sides.answering, kept, policy, stop)
    return _answers(planner, recall, truth, answered, on_progress)


def _sides(
    vectors: StoredVectors,
    asking: StoredVectors | None,
    allowed: Ids | None,
    asked: Ids | None,
    recall: float,
) -> Sides:
    if not 0 < recall <= 1:
        raise InputError(f"recall must be above 0 and at most 1, not {recall}")
    if asking is not None and asking.dim != vectors.dim:
        raise InputError(
            f"vectors of {asking.dim} numbers ask for neighbours among vectors of {vectors.dim}; "
            "give both of the same space of the same encoder"
        )
    answering = Side(vectors, allowed)
    if asking is not None:
        return Sides(Side(asking, asked), answering, among_themselves=False)
    if asked is allowed:  # None, or the very same ids
        return Sides(answering, answering, among_themselves=True)
    return Sides(Side(vectors, asked), answering, among_themselves=True)


def _found(sides: Sides, ids: Ids) -> tuple[Ids, Ids]:
    """Which (n,) rows of (n, k) ids found what: the rows, and the positions of those ids."""
    which, place = np.nonzero(ids >= 0)
    return which, np.searchsorted(sides.answering.ids, ids[which, place])


def _answers(
    planner: Planner,
    recall: float,
    truth: Truth,
    answered: Callable[[Ids, MeetingPlan], Iterator[_Block]],
    on_progress: OnProgress,
) -> Answers[_Block]:
    try:
        with _only_unit_vectors():
            planned = planner.plan(recall, truth)
    except StoppedError:
        return Answers(0.0, iter(()))
    return Answers(planned.recall, _blocks(planner, planned.plan, answered, on_progress))


def _blocks(
    planner: Planner,
    plan: MeetingPlan,
    answered: Callable[[Ids, MeetingPlan], Iterator[_Block]],
    on_progress: OnProgress,
) -> Iterator[_Block]:
    done, total = 0, len(planner.asking)
    with suppress(StoppedError), _only_unit_vectors():
        for positions in plan.blocks():
            yield from answered(positions, plan)
            done += len(positions)
            on_progress(done, total)


@contextmanager
def _only_unit_vectors() -> Iterator[None]:
    try:
        yield
    except ImpossibleScoreError as error:
        raise CollectionError(
            f"stored vectors are no unit vectors ({error}); `vitrail verify` tells which"
        ) from error
