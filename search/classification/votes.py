"""Labels by the vote of the nearest labelled images, each weighed by its nearness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrail.search.classification.labelled import Labelled
from vitrail.search.classification.probabilities import Chosen, choose, softmax

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
TAU = 0.07  # the temperature of DINO's protocol (Caron et al., 2021)
VOTERS = (1, 3, 5, 10, 20, 50)  # of which one is chosen
_BLOCK = 4_194_304  # cosines held at once

OnRows = Callable[[int, int], None]
"""How many rows are done, of how many."""


def _unheard(_done: int, _total: int) -> None:
    pass


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The labelled images nearest to some rows.

    Attributes:
        places: (q, k) int64 in ``Labelled``, nearest first; equal cosines by place.
        cosines: (q, k) float32; -inf where there are fewer than k.
    """

    places: Ids
    cosines: Floats


def nearest(
    rows: Floats,
    known: Labelled,
    k: int,
    *,
    groups: Ids | None = None,
    ids: Ids | None = None,
    on_rows: OnRows = _unheard,
) -> Nearest:
    """The ``k`` labelled images nearest to each row, a block of rows at a time.

    Args:
        rows: (q, dim) float32 unit rows.
        known: the labelled images.
        k: how many, at most as many as there are.
        groups: (q,) int64 group of each row, whose copies do not vote about it.
        ids: (q,) int64 id of each row, which does not vote about itself; -1 is of none.
        on_rows: called after each block.
    """
    k = min(k, len(known))
    places = np.empty((len(rows), k), np.int64)
    cosines = np.empty((len(rows), k), np.float32)
    step = max(1, _BLOCK // len(known))
    for first in range(0, len(rows), step):
        part = slice(first, first + step)
        scores = rows[part] @ known.rows.T
        if groups is not None:
            scores[groups[part, None] == known.groups[None, :]] = -np.inf
        if ids is not None:
            scores[ids[part, None] == known.ids[None, :]] = -np.inf
        places[part], cosines[part] = _best(scores, k)
        on_rows(min(first + step, len(rows)), len(rows))
    return Nearest(places, cosines)


def _best(scores: Floats, k: int) -> tuple[Ids, Floats]:
    """The k best of each row, best first; equal ones by place, also where they are cut off."""
    if k < scores.shape[1]:
        least = np.partition(scores, -k, axis=1)[:, -k]
        order = np.empty((len(scores), k), np.int64)
        for row, (line, bound) in enumerate(zip(scores, least, strict=True)):
            found = np.flatnonzero(line >= bound)
            order[row] = found[np.argsort(-line[found], kind="stable")[:k]]
    else:
        order = np.argsort(-scores, axis=1, kind="stable")
    return order, np.take_along_axis(scores, order, axis=1)


def vote(near: Nearest, known: Labelled, k: int) -> Doubles:
    """What the ``k`` nearest say of each row, as logarithms of shares.

    Each voter weighs exp(cosine / 0.07), as in DINO's protocol. One vote more is shared among
    all labels as they are frequent: a label that no voter has is unlikely, not impossible.

    Args:
        near: the nearest of each of q rows.
        known: the labelled images.
        k: how many of these vote.

    Returns:
        (q, c) float64, whose exponentials sum to 1 in each row.
    """
    cosines = near.cosines[:, :k].astype(np.float64)
    there = np.isfinite(cosines)
    best = np.max(cosines, axis=1, keepdims=True, where=there, initial=-1)
    weights = np.where(there, np.exp((np.where(there, cosines, best) - best) / TAU), 0.0)
    voters = there.sum(axis=1, keepdims=True)
    weights *= voters / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    votes = np.zeros((len(cosines), len(known.classes)))
    rows = np.arange(len(cosines))[:, None]
    np.add.at(votes, (rows, known.targets[near.places[:, :k]]), weights)
    prior = known.counts / len(known)
    shares: Doubles = np.log((votes + prior) / (voters + 1))
    return shares


@dataclass(frozen=True, slots=True, eq=False)
class Voting:
    """How the nearest labelled images tell labels.

    Attributes:
        known: the labelled images.
        k: how many vote.
        temperature: by which their shares become probabilities.
    """

    known: Labelled
    k: int
    temperature: float

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that can be told."""
        return self.known.classes

    def probabilities(
        self, rows: Floats, ids: Ids | None = None, on_rows: OnRows = _unheard
    ) -> Doubles:
        """(q, c) float64 probabilities of (q, dim) float32 unit rows.

        Args:
            rows: of the images.
            ids: (q,) int64 id of each, which does not vote about itself; -1 is of none.
            on_rows: called after each block.
        """
        near = nearest(rows, self.known, self.k, ids=ids, on_rows=on_rows)
        return softmax(vote(near, self.known, self.k), self.temperature)


def learn_voting(
    known: Labelled, *, seed: int = 0, on_rows: OnRows = _unheard
) -> tuple[Voting, Chosen]:
    """Choose by leaving each image out how many vote, and how sure that makes.

    Args:
        known: the labelled images; copies of an image do not vote about it.
        seed: of the folds.
        on_rows: called as they are compared.
    """
    most = max(VOTERS)
    near = nearest(known.rows, known, most, groups=known.groups, on_rows=on_rows)
    tried = [k for k in VOTERS if k < len(known)]
    found = choose([vote(near, known, k) for k in tried], known.targets, known.folds(seed))
    return Voting(known, tried[found.option], found.temperature), found
