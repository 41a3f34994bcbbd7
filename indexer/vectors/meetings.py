"""Which rows of a target meet which queries: all of them, or those of near clusters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vitrail.indexer.vectors.clusters import Clusters, nearest_centroids
from vitrail.indexer.vectors.exact import Floats, Ids

_SCORES = 1 << 22  # products held at a time, 16 MB
_READ = 16_384  # rows
_BLOCK = 4096  # queries of a scan
# More of them, so that a cluster meets many at a time: 64 MB. Threads meet after every product, and
# where another program holds a core, small ones mostly wait.
_CLUSTERED_FLOATS = 1 << 24

Meeting = tuple[Ids, Ids]
"""(m,) int64 queries, as ascending places in a block, and (n,) ascending target positions."""


class StoredVectors(Protocol):
    """Unit vectors by id, such as a ``vitrail.indexer.vectors.index.VectorIndex``."""

    @property
    def dim(self) -> int:
        """Columns of a vector."""

    def ids(self) -> Ids:
        """(n,) int64 ids, ascending."""

    def vectors(self, ids: Ids) -> Floats:
        """(m, dim) float32 unit rows of (m,) of these ids, in their order."""


@dataclass(frozen=True, slots=True)
class HeldVectors:
    """Unit vectors in memory, as ``StoredVectors``.

    Attributes:
        known: (n,) int64 ids, ascending.
        rows: (n, dim) float32 unit rows of these.
    """

    known: Ids
    rows: Floats

    @property
    def dim(self) -> int:
        """Columns of a vector."""
        return int(self.rows.shape[1])

    def ids(self) -> Ids:
        """(n,) int64 ids, ascending."""
        return self.known

    def vectors(self, ids: Ids) -> Floats:
        """(m, dim) float32 unit rows of (m,) of these ids, in their order."""
        found: Floats = self.rows[np.searchsorted(self.known, ids)]
        return found


class Side:
    """The vectors that ask, or those that may be answered, by their positions 0..n-1.

    Args:
        vectors: the stored ones.
        chosen: (m,) int64 ids to choose; unknown ones are ignored. ``None`` is all.
    """

    def __init__(self, vectors: StoredVectors, chosen: Ids | None = None) -> None:
        self._vectors = vectors
        self.dim = vectors.dim
        known = vectors.ids()
        self.ids = known if chosen is None else np.intersect1d(known, np.asarray(chosen, np.int64))

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, positions: Ids) -> Floats:
        """(m, dim) float32 rows of (m,) positions."""
        return self._vectors.vectors(self.ids[positions])

    def blocks(self, positions: Ids) -> Iterator[tuple[Ids, Floats]]:
        """Some positions with their rows, a block at a time."""
        for start in range(0, len(positions), _READ):
            some = positions[start : start + _READ]
            yield some, self.rows(some)


class MeetingPlan(Protocol):
    """What meets what."""

    @property
    def rest(self) -> MeetingPlan | None:
        """What those meet who met too few; ``None`` where there are no more."""

    def blocks(self) -> Iterator[Ids]:
        """(q,) int64 ascending positions of queries to answer at a time; each is in one block."""

    def first(self, queries: Floats) -> Iterator[Meeting]:
        """For each query of a block some rows that are probably near."""

    def meetings(self, queries: Floats) -> Iterator[Meeting]:
        """All rows that the queries of a block meet."""


class Everything:
    """Each query meets each row.

    Args:
        asking: how many queries there are.
        answering: (n,) int64 ascending positions of the target.
    """

    rest: MeetingPlan | None = None

    def __init__(self, asking: int, answering: Ids) -> None:
        self._asking = asking
        self._answering = answering

    def blocks(self) -> Iterator[Ids]:
        """As ``MeetingPlan``; in ascending order."""
        for start in range(0, self._asking, _BLOCK):
            yield np.arange(start, min(start + _BLOCK, self._asking))

    def first(self, queries: Floats) -> Iterator[Meeting]:
        """As ``MeetingPlan``."""
        yield from list(_parts(np.arange(len(queries)), self._answering))[:1]

    def meetings(self, queries: Floats) -> Iterator[Meeting]:
        """As ``MeetingPlan``."""
        yield from _parts(np.arange(len(queries)), self._answering)


class NearClusters:
    """Each query meets the rows of the clusters that are nearest to it.

    Args:
        clusters: of the target.
        homes: (q,) int64 nearest cluster of each query, so that near queries share a block.
        count: how many clusters a query meets.
        rest: what those meet who met too few.
    """

    def __init__(self, clusters: Clusters, homes: Ids, count: int, rest: MeetingPlan) -> None:
        self.rest: MeetingPlan | None = rest
        self._clusters = clusters
        self._order = np.argsort(homes, kind="stable")
        self._count = count

    def blocks(self) -> Iterator[Ids]:
        """As ``MeetingPlan``; near ones together."""
        size = max(_BLOCK, _CLUSTERED_FLOATS // self._clusters.centroids.shape[1])
        for start in range(0, len(self._order), size):
            yield np.sort(self._order[start : start + size])

    def first(self, queries: Floats) -> Iterator[Meeting]:
        """As ``MeetingPlan``: the nearest cluster."""
        yield from self._meetings(queries, 1)

    def meetings(self, queries: Floats) -> Iterator[Meeting]:
        """As ``MeetingPlan``."""
        yield from self._meetings(queries, self._count)

    def _meetings(self, queries: Floats, count: int) -> Iterator[Meeting]:
        near = nearest_centroids(self._clusters.centroids, queries, count).ravel()
        order = np.argsort(near, kind="stable")
        starts = np.searchsorted(near[order], np.arange(len(self._clusters) + 1))
        for cluster, members in enumerate(self._clusters.members):
            some = order[starts[cluster] : starts[cluster + 1]] // count
            if len(some):
                yield from _parts(some, members)


def _parts(queries: Ids, positions: Ids) -> Iterator[Meeting]:
    """Meetings of at most as many pairs as are held at a time."""
    step = max(64, _SCORES // max(1, len(queries)))
    for start in range(0, len(positions), step):
        yield queries, positions[start : start + step]
