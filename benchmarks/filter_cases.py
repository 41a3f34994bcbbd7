"""What the filter benchmark asks: filters of every size, and queries within and far from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.truth import Best, Ids, cached, sample
from benchmarks.vectors import Floats, Halves, blocks, unit

SHARES = (0.5, 0.1, 0.03, 0.01, 0.001, 0.0001)
KINDS = ("random", "correlated", "anti-correlated")
CELLS = 100
_AROUND = 5  # queries are a sample of so many times as many that are nearest, or farthest


@dataclass(frozen=True, slots=True)
class Case:
    """A filter and those who ask behind it.

    Attributes:
        kind: one of ``KINDS``: rows wherever they lie, or all around one place, asked for by
            queries nearest to that place or by those farthest from it.
        share: of the rows that pass.
        name: of the filter, the same where two cases ask behind one.
        allowed: (n,) int64 ascending ids that pass.
        queries: (q, dim) float32, unit rows.
        truth: (q, k) true nearest ids among those that pass; -1 where there are fewer.
    """

    kind: str
    share: float
    name: str
    allowed: Ids
    queries: Floats
    truth: Ids


def cases(
    rows: Halves, pool: Floats, shares: Sequence[float], filters: int, count: int, k: int
) -> list[Case]:
    """Some filters of every share, each with ``count`` queries out of a pool.

    Args:
        rows: (n, dim) that are stored.
        pool: (p, dim) unit rows that queries are taken from.
        shares: of the rows that pass.
        filters: random ones, and as many clustered ones, of every share.
        count: queries of each.
        k: how many are asked for.
    """
    clustering = _Cells(rows)
    asked: list[tuple[str, float, str, Ids, Floats]] = []
    for share in shares:
        for number in range(filters):
            random = np.random.default_rng([round(share * 1e6), number])
            size = max(1, round(share * len(rows)))
            some = np.sort(random.choice(len(rows), size, replace=False))
            queries = pool[random.choice(len(pool), count, replace=False)]
            asked.append(("random", share, f"random_{round(share * 1e6)}_{number}", some, queries))
            anchor = int(random.integers(CELLS))
            around = clustering.around(anchor, size)
            order = np.argsort(-(pool @ clustering.centres[anchor]))
            name = f"clustered_{round(share * 1e6)}_{number}"
            for kind, ranks in (("correlated", order), ("anti-correlated", order[::-1])):
                own = random.choice(ranks[: _AROUND * count], count, replace=False)
                asked.append((kind, share, name, around, pool[own]))
    asked.sort(key=lambda case: (KINDS.index(case[0]), -case[1], case[2]))
    truths = _cached_truths(rows, asked, k)
    return [Case(*case, truth) for case, truth in zip(asked, truths, strict=True)]


class _Cells:
    """All rows by which of a hundred of them is nearest, as labels and folders divide images."""

    def __init__(self, rows: Halves) -> None:
        chosen = np.random.default_rng(0).choice(len(rows), CELLS, replace=False)
        self.centres = unit(rows[np.sort(chosen)])
        self._cell = np.concatenate(
            [np.argmax(block @ self.centres.T, axis=1) for _, block in blocks(rows)]
        )

    def around(self, anchor: int, size: int) -> Ids:
        """Ascending ids of ``size`` rows: of one cell, and of those nearest to it if need be."""
        order = np.argsort(-(self.centres @ self.centres[anchor]), kind="stable")
        rank = np.empty(CELLS, np.int64)
        rank[order] = np.arange(CELLS)
        by_rank: NDArray[np.int64] = np.argsort(rank[self._cell], kind="stable")
        return np.sort(by_rank[:size])


def _cached_truths(
    rows: Halves, asked: Sequence[tuple[str, float, str, Ids, Floats]], k: int
) -> Sequence[Ids]:
    each = (np.ascontiguousarray(queries).tobytes() + own.tobytes() for *_, own, queries in asked)
    known_by = [f"{len(rows)} {k}".encode(), sample(rows), *each]
    return list(cached("filtered", known_by, lambda: np.stack(_truths(rows, asked, k))))


def _truths(
    rows: Halves, asked: Sequence[tuple[str, float, str, Ids, Floats]], k: int
) -> list[Ids]:
    """By one pass over the rows."""
    best = [Best(queries, k) for *_, queries in asked]
    for start, block in blocks(rows):
        for (*_, allowed, _queries), one in zip(asked, best, strict=True):
            low, high = np.searchsorted(allowed, [start, start + len(block)])
            one.add(allowed[low:high], block[allowed[low:high] - start])
    return [one.ids for one in best]
