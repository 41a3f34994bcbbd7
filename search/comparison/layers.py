"""How alike two images are at each layer and pooling, and how alike unrelated images are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LayerSimilarity:
    """Two images in one embedding space.

    Attributes:
        space: its name, such as ``cls@12``.
        layer: of it.
        pooling: of it.
        cosine: of the two images.
        usual: the median cosine of either to images taken at random; NaN without any.
        highest: the greatest of these; NaN without any.
    """

    space: str
    layer: int
    pooling: str
    cosine: float
    usual: float
    highest: float


def layer_similarities(rows: Mapping[str, Floats]) -> tuple[LayerSimilarity, ...]:
    """Compare two images in every space, by layer and then by pooling.

    Args:
        rows: space name such as ``cls@12`` -> (2 + u, dim) float32 unit rows: of the two images,
            and of u images taken at random.
    """
    found = []
    for space, each in rows.items():
        pooling, _, layer = space.partition("@")
        others = (each[:2] @ each[2:].T).ravel()
        usual, highest = (
            (float(np.median(others)), float(others.max()))
            if len(others)
            else (float("nan"), float("nan"))
        )
        cosine = float(min(1.0, each[0] @ each[1]))
        found.append(LayerSimilarity(space, int(layer), pooling, cosine, usual, highest))
    return tuple(sorted(found, key=lambda one: (one.layer, one.pooling)))
