"""Which layers of an int8 export stay in floating point, by what searches find with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.export.certificate import FLOORS, kept_share
from vitrail.indexer.export.reverting import rungs
from vitrail.service.operations.export_images import Floats, Pixels, batches

if TYPE_CHECKING:
    from vitrail.indexer.export.int8 import Int8Model

_MOST = 100  # images that each choice is tried on


@dataclass(frozen=True, slots=True)
class LayerSearch:
    """Tries a quantised model with some of its layers in floating point.

    Attributes:
        images: (n, S, S, 3) uint8, none of those that the certificate is measured on.
        outputs: the graph's spaces, in order.
        searched: spaces that searches weigh.
        derive: adds rows of derived spaces.
        tell: said how many layers were tried, and of how many; may raise.
    """

    images: Pixels
    outputs: Sequence[str]
    searched: Sequence[str]
    derive: Callable[[Mapping[str, Floats]], dict[str, Floats]]
    tell: Callable[[int, int], None]

    def steps(self, model: Int8Model, reference: Encoder) -> Iterator[tuple[str, ...]]:
        """Which groups to revert, try after try, until the one who asks is content.

        None are at first. After that each group is tried alone, and ever more of those that help
        most are reverted; see ``rungs``. What falls short even on the images of this search is
        passed over, so that those of the certificate are asked seldom. All of them come last.

        Args:
            model: quantised.
            reference: what it is held to.
        """
        yield ()
        groups = model.groups
        if not groups:
            return
        images = self.images[:_MOST]
        before = self.derive(reference.encode(images).vectors)

        def scores(some: Sequence[str]) -> tuple[float, float]:
            graph = model.graph(some)
            parts = [graph.run(batch) for batch in batches(images)]
            made = [np.concatenate(rows) for rows in zip(*parts, strict=True)]
            now = self.derive(dict(zip(self.outputs, made, strict=False)))
            return self._scores(before, now)

        alone = {}
        for number, group in enumerate(groups, 1):
            self.tell(number, len(groups))
            alone[group] = sum(scores((group,)))
        ranked = sorted(groups, key=lambda group: -alone[group])
        floor = FLOORS["int8"]
        for count in rungs(len(ranked))[1:]:
            some = tuple(ranked[:count])
            overlap, median = (1.0, 1.0) if count == len(ranked) else scores(some)
            if overlap >= floor.overlap and median >= floor.median:
                yield some

    def _scores(
        self, before: Mapping[str, Floats], now: Mapping[str, Floats]
    ) -> tuple[float, float]:
        """The worst space's share of hits that stay, and its median cosine."""
        overlaps, medians = [], []
        for space in self.searched:
            one, other = before[space], now[space]
            overlaps += [kept_share(one, one, other, among) for among in (one, other)]
        for space in self.outputs:
            cosines = np.einsum("ij,ij->i", before[space], now[space])
            medians.append(float(np.median(cosines)))
        return min(overlaps), min(medians)
