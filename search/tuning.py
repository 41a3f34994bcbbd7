"""Which embedding spaces suit a collection: measured by cross-validation, pure over arrays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.indexer.spaces import base_of, whitened_name
from vitrail.indexer.vectors.whitening import Moments, Whitening, least_rows
from vitrail.search.measures import (
    Interval,
    average_precisions,
    copy_hits,
    knn_hits,
    mean_interval,
    paired_interval,
)

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
Rows = Mapping[str, Floats]
"""Space name -> (n, dim) float32 unit rows."""
_MIXED = 5  # spaces that are best alone, of which mixtures are tried
_PAIRS = ((0.5, 0.5), (0.7, 0.3), (0.3, 0.7))
_TRIPLES = ((1 / 3, 1 / 3, 1 / 3), (0.5, 0.25, 0.25))


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a search may weigh.

    Attributes:
        weights: space -> share, summing to 1.
    """

    weights: tuple[tuple[str, float], ...]

    @property
    def name(self) -> str:
        """As ``--space`` takes it."""
        if len(self.weights) == 1:
            return self.weights[0][0]
        return ",".join(f"{space}:{f'{share:.2f}'.lstrip('0')}" for space, share in self.weights)


@dataclass(frozen=True, eq=False)
class Trial:
    """Questions whose right answers are known.

    Attributes:
        queries: (q, dim) rows of each space that ask.
        gallery: (n, dim) rows of each space that answer.
        relevant: (q, n) bool, the right answers.
        barred: (q, n) bool, what may not answer: the query itself, and what is in its fold where
            the labels of that are not to be known.
        query_folds: (q,) int64.
        gallery_folds: (n,) int64; a whitening is fitted on those of other folds than the query's.
        askers: (q,) int64: which image asks. Copies of one image do not tell more than it alone
            does as surely as as many images would.
        first: (q, n) scores -> (q,) float64, 1 where the nearest answers are right.
    """

    queries: Rows
    gallery: Rows
    relevant: NDArray[np.bool_]
    barred: NDArray[np.bool_]
    query_folds: Ids
    gallery_folds: Ids
    askers: Ids
    first: Callable[[Floats], Doubles]

    @cached_property
    def count(self) -> int:
        """How many folds there are."""
        return int(self.gallery_folds.max()) + 1

    def whitens(self, space: str) -> bool:
        """Whether there are rows enough to fit a whitening of a space in every fold."""
        rest = len(self.gallery_folds) - int(np.bincount(self.gallery_folds).max())
        return rest >= least_rows(self.gallery[space].shape[1])

    def scores(self, space: str) -> Floats:
        """(q, n) float32 cosines in a space, stored or whitened; -inf where one may not answer."""
        base = base_of(space)
        if base is None:
            found = self.queries[space] @ self.gallery[space].T
        else:
            found = self._whitened(base)
        found[self.barred] = -np.inf
        return found

    def _whitened(self, base: str) -> Floats:
        found = np.empty((len(self.query_folds), len(self.gallery_folds)), np.float32)
        for fold in range(self.count):
            asked = self.query_folds == fold
            whitening = _fitted(self.gallery[base][self.gallery_folds != fold])
            rows = whitening.apply(self.gallery[base])
            found[asked] = whitening.apply(self.queries[base][asked]) @ rows.T
        return found


def _fitted(rows: Floats) -> Whitening:
    moments = Moments(rows.shape[1])
    moments.add(rows)
    return moments.whitening()


def labels_task(rows: Rows, labels: Ids, fold_of: Ids, k: int) -> Trial:
    """Each image asks those of other folds: those of its label are the right answers.

    Args:
        rows: of all images.
        labels: (n,) int64, numbered from 0.
        fold_of: (n,) int64.
        k: how many of the nearest vote for a label.
    """
    barred = fold_of[:, None] == fold_of[None]
    relevant = (labels[:, None] == labels[None]) & ~barred
    every = np.arange(len(labels))
    return Trial(
        *(rows, rows, relevant, barred, fold_of, fold_of, every),
        first=lambda s: knn_hits(s, labels, labels, k),
    )


def copies_task(copies: Rows, originals: Rows, own: Ids, fold_of: Ids) -> Trial:
    """Each planted copy asks all originals: its own is the right answer.

    Args:
        copies: (q, dim) rows of each space.
        originals: (n, dim) likewise.
        own: (q,) int64 row of each copy's original.
        fold_of: (n,) int64 of the originals.
    """
    count = len(fold_of)
    relevant = own[:, None] == np.arange(count)[None]
    barred = np.zeros_like(relevant)
    return Trial(
        *(copies, originals, relevant, barred, fold_of[own], fold_of, own),
        first=lambda s: copy_hits(s, own),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """How well a candidate answers.

    Attributes:
        candidate: what is weighed.
        precisions: (m,) float64 average precision of the rankings that each image asks for; of a
            copy, which has one right answer, one over its rank.
        firsts: (m,) float64, 1 where the nearest are right, 0 where not.
        each: how many rankings of an image these are the means of.
    """

    candidate: Candidate
    precisions: Doubles
    firsts: Doubles
    each: float = 1

    @property
    def precision(self) -> Interval:
        """Mean average precision."""
        return mean_interval(self.precisions, self.each)

    @property
    def worth(self) -> Doubles:
        """(m,) float64 by which candidates are told apart: both measures, which count alike.

        The nearest are what a search shows first; alone they are few, and tell spaces apart that
        are no different.
        """
        return (self.firsts + self.precisions) / 2

    @property
    def first(self) -> Interval:
        """k-NN accuracy, or copy recall@1."""
        return mean_interval(self.firsts, self.each)


@dataclass(frozen=True, slots=True, eq=False)
class Tuned:
    """What was measured.

    Attributes:
        singles: each space alone, best first.
        mixtures: of those that are best alone, best first.
        winner: the best; a mixture only where it is surely better than the best single space.
        honest: the winner's measures where it is chosen on the other folds only, since the best
            of many looks better than it is.
    """

    singles: tuple[Measured, ...]
    mixtures: tuple[Measured, ...]
    winner: Measured
    honest: Measured


def tune(
    task: Trial,
    *,
    mixes: bool = True,
    whitens: bool = True,
    known: Collection[str] = (),
    on_space: Callable[[str], None] = lambda _: None,
) -> Tuned:
    """Measure each space, raw and whitened, and mixtures of the best ones.

    Args:
        task: the questions, with rows of every space.
        mixes: whether mixtures are tried.
        whitens: whether whitened spaces are.
        known: spaces that a collection has, which come first of those that are equally good.
        on_space: called with the name of each candidate before it is measured.
    """
    answerable = np.asarray(task.relevant.any(axis=1))
    singles = []
    for space in _spaces(task, whitens=whitens):
        on_space(space)
        with suppress(InputError):  # where images do not differ, nothing can be whitened
            scores = task.scores(space)
            singles.append(_measure(Candidate(((space, 1.0),)), scores, task, answerable))
    singles.sort(key=lambda one: (-float(one.worth.mean()), one.candidate.name not in known))
    mixtures = [] if not mixes else list(_mixtures(task, singles[:_MIXED], answerable, on_space))
    mixtures.sort(key=lambda one: -float(one.worth.mean()))
    _, firsts = np.unique(task.askers[answerable], return_index=True)
    fold_of = task.query_folds[answerable][firsts]
    winner = _chosen(singles, mixtures, np.ones(len(fold_of), bool))
    return Tuned(tuple(singles), tuple(mixtures), winner, _honest(singles, mixtures, fold_of))


def _spaces(task: Trial, *, whitens: bool) -> Iterator[str]:
    for space in task.gallery:
        yield space
        if whitens and task.whitens(space):
            yield whitened_name(space)


def _mixtures(
    task: Trial,
    best: Sequence[Measured],
    answerable: NDArray[np.bool_],
    on_space: Callable[[str], None],
) -> Iterator[Measured]:
    names = [one.candidate.name for one in best]
    scores = {name: task.scores(name) for name in names}
    for count, shares in ((2, _PAIRS), (3, _TRIPLES)):
        for chosen in combinations(names, count):
            for each in shares:
                candidate = Candidate(tuple(zip(chosen, each, strict=True)))
                on_space(candidate.name)
                mixed = sum(np.float32(share) * scores[name] for name, share in candidate.weights)
                yield _measure(candidate, np.asarray(mixed, np.float32), task, answerable)


def _measure(
    candidate: Candidate, scores: Floats, task: Trial, answerable: NDArray[np.bool_]
) -> Measured:
    _, image, counts = np.unique(task.askers[answerable], return_inverse=True, return_counts=True)
    precisions, firsts = (
        np.bincount(image, values) / counts
        for values in (
            average_precisions(scores[answerable], task.relevant[answerable]),
            task.first(scores)[answerable],
        )
    )
    return Measured(candidate, precisions, firsts, float(counts.mean()))


def _chosen(
    singles: Sequence[Measured], mixtures: Sequence[Measured], told: NDArray[np.bool_]
) -> Measured:
    """The winner by some of the images; a mixture of spaces that are best alone by just these."""

    def worth(one: Measured) -> float:
        return float(one.worth[told].mean())

    ranked = sorted(singles, key=worth, reverse=True)
    best = {one.candidate.name for one in ranked[:_MIXED]}
    mixable = [one for one in mixtures if {space for space, _ in one.candidate.weights} <= best]
    if not mixable:
        return ranked[0]
    mixture = max(mixable, key=worth)
    gain = paired_interval(mixture.worth[told], ranked[0].worth[told])
    return mixture if gain.low > 0 else ranked[0]


def _honest(singles: Sequence[Measured], mixtures: Sequence[Measured], fold_of: Ids) -> Measured:
    precisions, firsts = np.empty(len(fold_of)), np.empty(len(fold_of))
    for fold in np.unique(fold_of):
        asked = fold_of == fold
        chosen = _chosen(singles, mixtures, ~asked)
        precisions[asked], firsts[asked] = chosen.precisions[asked], chosen.firsts[asked]
    return Measured(Candidate((("tuned", 1.0),)), precisions, firsts, singles[0].each)
