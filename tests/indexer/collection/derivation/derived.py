"""The derived spaces of a collection of made vectors, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.indexer.collection.holdings import vector
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.transforms import path_of
from vitrail.indexer.vectors.whitening import Moments

COUNT = 60
SPACE = "cls@2"
DERIVED = "cls@2/w"


def expected(numbers: range, cut: int | None = None, fit: int = COUNT) -> NDArray[np.float32]:
    moments = Moments(8)
    moments.add(np.stack([vector(n, SPACE) for n in range(1, fit + 1)]))
    return moments.whitening(cut).apply(np.stack([vector(n, SPACE) for n in numbers]))


def transform_file(place: Path, name: str = DERIVED) -> Path:
    with CollectionStore.open(place) as store:
        (space,) = (one for one in store.state.derived if one.name == name)
        return Path(path_of(str(place), space))
