"""How neighbours are looked for: by a scan, or in as many clusters as a sample's need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vitrail.indexer.vectors.clusters import (
    Clusters,
    enough,
    gather_members,
    nearest_centroids,
    ranks,
    sample_size,
    train,
)
from vitrail.indexer.vectors.comparing import StoppedError
from vitrail.indexer.vectors.exact import Floats, Ids
from vitrail.indexer.vectors.meetings import Everything, MeetingPlan, NearClusters, Side

_SEED = 20261201
_NEARLY = 0.9999  # a sample proves nothing perfect

Truth = Callable[[Ids, MeetingPlan], tuple[Ids, Ids]]
"""(q,) positions of queries, a plan for these -> the places among them, and the positions in the
target, of all pairs that a complete answer would hold."""


@dataclass(frozen=True, slots=True)
class NeighbourPolicy:
    """When everything is compared, and how clusters are made; see ``benchmarks/neighbours.py``.

    Attributes:
        scanned: products (rows times rows times columns) up to which everything is compared.
        cluster_rows: of a cluster, about; with fewer the centroids cost more, with more there is
            more to compare.
        samples: queries whose true neighbours are looked up, half of them to choose how many
            clusters to look into, half of them to tell the recall.
    """

    scanned: int = 300_000_000_000
    cluster_rows: int = 250
    samples: int = 512


class Planned(NamedTuple):
    """What meets what, and the recall that comes of it: 1 for everything."""

    plan: MeetingPlan
    recall: float


@dataclass(frozen=True, slots=True)
class Planner:
    """What a plan is made of.

    Attributes:
        asking: the vectors that ask.
        answering: those that may be answered.
        kept: (n,) int64 ascending positions of those that are worth comparing.
        policy: when to scan.
        stop: asked between blocks.
    """

    asking: Side
    answering: Side
    kept: Ids
    policy: NeighbourPolicy
    stop: Callable[[], bool]

    def scan(self) -> Planned:
        """Everything meets."""
        return Planned(Everything(len(self.asking), self.kept), 1.0)

    def plan(self, recall: float, truth: Truth) -> Planned:
        """The quickest plan of that recall.

        Raises:
            StoppedError: it was stopped.
        """
        products = len(self.asking) * len(self.kept) * self.answering.dim
        if recall == 1 or products <= self.policy.scanned:
            return self.scan()
        rng = np.random.default_rng(_SEED)
        clusters = self._clusters(rng)
        count, measured = self._enough(clusters, recall, truth, rng)
        if self._looked_into(clusters, count) > len(self.kept) / 2:
            return self.scan()  # which costs no more, once everything is counted
        homes, rest = self._homes(clusters), self.scan().plan
        return Planned(NearClusters(clusters, homes, count, rest), measured)

    def _clusters(self, rng: np.random.Generator) -> Clusters:
        count = max(1, len(self.kept) // self.policy.cluster_rows)
        size = min(len(self.kept), sample_size(count))
        sample = np.sort(rng.choice(self.kept, size, replace=False))
        centroids = train(self.answering.rows(sample), count)
        return gather_members(centroids, self._until_stopped(self.answering, self.kept))

    def _enough(
        self, clusters: Clusters, recall: float, truth: Truth, rng: np.random.Generator
    ) -> tuple[int, float]:
        """How many clusters a query should look into, and the recall that this gives."""
        size = min(len(self.asking), self.policy.samples)
        sample = rng.choice(len(self.asking), size, replace=False)
        which, positions = truth(sample, Everything(size, self.kept))
        found = ranks(clusters, self.asking.rows(sample), which, positions)
        choosing = which % 2 == 0
        count = min(enough(found[choosing], recall), len(clusters))
        told = found[~choosing] if not choosing.all() else found
        return count, min(float(np.mean(told < count)), _NEARLY) if len(told) else _NEARLY

    def _looked_into(self, clusters: Clusters, count: int) -> float:
        """Rows that a member of the target meets on average."""
        near = nearest_centroids(clusters.centroids, clusters.centroids, count)
        return float(np.average(clusters.sizes[near].sum(axis=1), weights=clusters.sizes))

    def _homes(self, clusters: Clusters) -> Ids:
        """(q,) int64 nearest cluster of each query."""
        every = np.arange(len(self.asking))
        if self.asking is self.answering and len(self.kept) == len(every):
            return clusters.of(every)
        near = [
            nearest_centroids(clusters.centroids, rows, 1)[:, 0]
            for _, rows in self._until_stopped(self.asking, every)
        ]
        return np.concatenate(near)

    def _until_stopped(self, side: Side, positions: Ids) -> Iterator[tuple[Ids, Floats]]:
        for block in side.blocks(positions):
            if self.stop():
                raise StoppedError
            yield block
