"""The recall that answers behind filters tell is, over many, not above what they found."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest

from tests.indexer.vectors.vector_sets import Floats, Ids, clustered, reference, unit
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.policy import IndexPolicy

POLICY = IndexPolicy(exact_floats=0, cold_floats=0, gather_rows=60, samples=60, graph=False)
SIZE, SPARE = 12_000, 800
FILTERS, ASKED = 8, 50  # of each kind, and queries of each: 400
ABOVE = 0.005  # that a mean of what is told may be over what is found, beside chance
ASKED_FOR = 0.98
IDS = np.arange(SIZE, dtype=np.int64) * 3 + 1


class Space(NamedTuple):
    """(n, dim) rows, (q, dim) queries, and an index of the rows."""

    rows: Floats
    queries: Floats
    built: VectorIndex


class Told(NamedTuple):
    """What answers told of themselves, and what they found, each (q,) shares."""

    told: Floats
    found: Floats

    def is_honest(self) -> bool:
        # Of 400 questions for the nearest one alone the mean is six of a thousand off by chance.
        return bool(self.told.mean() <= self.found.mean() + ABOVE + 2 * self.error)

    def keeps_what_was_asked(self) -> bool:
        # Three standard errors of the mean, of which one set in a thousand would be short.
        return bool(self.found.mean() >= ASKED_FOR - 3 * self.error)

    @property
    def error(self) -> float:
        """The standard error of the mean that was found."""
        return float(self.found.std()) / math.sqrt(len(self.found))


@pytest.fixture(scope="module", params=["clusters 8", "clusters 24", "clusters 64", "uniform 16"])
def space(request: pytest.FixtureRequest) -> Space:
    kind, dim = request.param.split()
    if kind == "clusters":
        rows = clustered(SIZE + SPARE, int(dim), seed=4)
    else:
        rows = unit(np.random.default_rng(4).standard_normal((SIZE + SPARE, int(dim))))
    index = VectorIndex.create(int(dim), policy=POLICY).with_rows(IDS, rows[:SIZE]).built()
    return Space(rows[:SIZE], rows[SIZE:], index)


def tails(count: int, dim: int, kind: str) -> Floats:
    """Rows of which a few numbers are far larger than the others, each row's own ones or all's."""
    random = np.random.default_rng(4)
    if kind == "numbers":
        return unit(random.standard_t(3, (count, dim)))
    return unit(random.standard_normal((count, dim)) / np.arange(1, dim + 1))


def asked_behind(space: Space, kind: str, share: float, number: int) -> tuple[Ids, Floats]:
    """Places of the rows that pass a filter, and queries: near those rows, far, or anywhere."""
    random = np.random.default_rng(10 + number)
    if kind == "random":
        some = random.choice(len(space.queries), ASKED, replace=False)
        return np.flatnonzero(random.random(SIZE) < share), space.queries[some]
    direction = random.standard_normal(space.rows.shape[1])
    along = space.rows @ direction
    places = np.flatnonzero(along >= np.quantile(along, 1 - share))
    order = np.argsort(space.queries @ direction)
    return places, space.queries[order[:ASKED] if kind == "far" else order[-ASKED:]]


def ask(space: Space, kind: str, share: float, k: int, *, again: bool) -> Told:
    """Ask queries one by one, as all of a batch are told the least recall of any.

    ``again`` behind a filter that is known from one to the next, as a collection's are.
    """
    told, found = [], []
    for number in range(FILTERS):
        places, queries = asked_behind(space, kind, share, number)
        allowed = IDS[places]
        allowed.flags.writeable = not again
        true = reference(allowed, space.rows[places], queries, k)
        for query, best in zip(queries, true, strict=True):
            answer = space.built.search(query[None], k, allowed=allowed)
            told.append(answer.recall)
            found.append(np.isin(answer.ids[0], best).mean())
    return Told(np.array(told, np.float32), np.array(found, np.float32))


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize(
    ("kind", "share", "k"),
    [("far", share, k) for share, k in ((0.5, 1), (0.5, 10), (0.5, 50), (0.1, 1), (0.1, 10))]
    + [(kind, share, k) for kind in ("near", "random") for share, k in ((0.5, 1), (0.1, 10))],
)
def test_the_recall_that_is_told_is_found(
    space: Space, kind: str, share: float, k: int, again: bool
) -> None:
    answers = ask(space, kind, share, k, again=again)
    said = f"told {answers.told.mean():.4f}, found {answers.found.mean():.4f}"
    assert answers.is_honest(), said
    assert answers.keeps_what_was_asked(), said


@pytest.mark.parametrize("kind", ["numbers", "columns"])
def test_it_is_found_where_few_numbers_of_a_row_are_large(kind: str) -> None:
    rows = tails(SIZE + SPARE, 96, kind)
    index = VectorIndex.create(96, policy=POLICY).with_rows(IDS, rows[:SIZE]).built()
    space = Space(rows[:SIZE], rows[SIZE:], index)
    for k in (1, 10):
        answers = ask(space, "random", 0.5, k, again=True)
        said = f"told {answers.told.mean():.4f}, found {answers.found.mean():.4f} of {k}"
        assert answers.is_honest(), said
        assert answers.keeps_what_was_asked(), said
