"""Which layers of an int8 export stay in floating point, by what searches find with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.export.certificate import FLOORS, kept_share
from vitrail.service.operations.export_images import Floats, Pixels

_MOST = 100  # images that each choice is tried on
_MARGIN = 0.01  # that overlap must have above its floor, for other images will be asked with


@dataclass(frozen=True, slots=True)
class LayerSearch:
    """Tries a quantised model with some of its layers in floating point.

    Attributes:
        images: (n, S, S, 3) uint8, none of those that the certificate is measured on.
        outputs: the graph's spaces, in order.
        searched: spaces that searches weigh.
        derive: adds rows of derived spaces.
        tell: said how far it is; may raise.
    """

    images: Pixels
    outputs: Sequence[str]
    searched: Sequence[str]
    derive: Callable[[Mapping[str, Floats]], dict[str, Floats]]
    tell: Callable[[str, int, int], None]

    def chosen(self, model: object, reference: Encoder) -> tuple[str, ...]:
        """The groups to revert until what is searched holds; see ``fewest_reverted``."""
        from vitrail.indexer.export import openvino_models as models
        from vitrail.indexer.export.reverting import fewest_reverted

        images = self.images[:_MOST]
        before = self.derive(reference.encode(images).vectors)
        groups = models.quantised_groups(model)
        tried: dict[tuple[str, ...], tuple[float, float]] = {}

        def scores(some: Sequence[str]) -> tuple[float, float]:
            key = tuple(some)
            if key not in tried:
                self.tell("choosing layers", min(len(tried) + 1, len(groups)), len(groups))
                found = models.Compiled(models.reverted(model, key), "f32").run(images)
                now = self.derive(dict(zip(self.outputs, found, strict=False)))
                tried[key] = self._scores(before, now)
            return tried[key]

        floor = FLOORS["int8"]

        def holds(some: Sequence[str]) -> bool:
            overlap, median = scores(some)
            return overlap >= floor.overlap + _MARGIN and median >= floor.median

        return fewest_reverted(groups, lambda some: sum(scores(some)), holds)

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
