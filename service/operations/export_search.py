"""Which layers of an int8 export stay in floating point, by what searches find with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.export.certificate import FLOORS, kept_share
from vitrail.service.operations.export_images import Floats, Pixels

_MOST = 100  # images that each choice is tried on
MARGINS = (0.01, 0.02, 0.04)
"""What overlap must have above its floor, for other images will be asked with, and more of them.

One after the other is tried until the certificate holds: which is enough depends on the images.
"""


@dataclass(frozen=True, slots=True)
class LayerSearch:
    """Tries a quantised model with some of its layers in floating point.

    Attributes:
        images: (n, S, S, 3) uint8, none of those that the certificate is measured on.
        outputs: the graph's spaces, in order.
        searched: spaces that searches weigh.
        derive: adds rows of derived spaces.
        tell: said how far it is; may raise.
        tried: groups in floating point -> what they gave, of one model.
    """

    images: Pixels
    outputs: Sequence[str]
    searched: Sequence[str]
    derive: Callable[[Mapping[str, Floats]], dict[str, Floats]]
    tell: Callable[[str, int, int], None]
    tried: dict[tuple[str, ...], tuple[float, float]] = field(default_factory=dict)

    def chosen(self, model: object, reference: Encoder, margin: float) -> tuple[str, ...]:
        """The groups to revert until what is searched holds by a margin; see ``fewest_reverted``.

        Args:
            model: quantised, and each time the same.
            reference: what it is held to.
            margin: one of ``MARGINS``.
        """
        from vitrail.indexer.export import openvino_models as models
        from vitrail.indexer.export.reverting import fewest_reverted

        images = self.images[:_MOST]
        before = self.derive(reference.encode(images).vectors)
        groups = models.quantised_groups(model)

        def scores(some: Sequence[str]) -> tuple[float, float]:
            key = tuple(some)
            if key not in self.tried:
                count = min(len(self.tried) + 1, len(groups))
                self.tell("choosing layers", count, len(groups))
                found = models.Compiled(models.reverted(model, key), "f32").run(images)
                now = self.derive(dict(zip(self.outputs, found, strict=False)))
                self.tried[key] = self._scores(before, now)
            return self.tried[key]

        floor = FLOORS["int8"]

        def holds(some: Sequence[str]) -> bool:
            overlap, median = scores(some)
            return overlap >= floor.overlap + margin and median >= floor.median

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
