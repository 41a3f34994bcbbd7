"""A collection whose every answer can be worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog.listing import Listing
from vitrail.indexer.collection.readers import SnapshotReader
from vitrail.indexer.image_info import ImageInfo
from vitrail.indexer.paths import display

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]


class Answer(NamedTuple):
    ids: Ids
    scores: Floats
    recall: float
    scanned: int


class BruteIndex:
    """An exact index over explicit ids and unit rows; ``depths`` records every k it was asked."""

    def __init__(self, ids: Sequence[int], rows: Floats, *, exact: bool = True) -> None:
        self.known = np.asarray(ids, np.int64)
        self.rows = np.asarray(rows, np.float32)
        self.dim = self.rows.shape[1]
        self.exact = exact
        self.depths: list[int] = []

    def __len__(self) -> int:
        return len(self.known)

    def search(
        self, queries: Floats, k: int, *, allowed: Ids | None = None, exact: bool = False
    ) -> Answer:
        self.depths.append(k)
        keep = np.ones(len(self.known), bool) if allowed is None else np.isin(self.known, allowed)
        # each product by itself, as the index has them, so that copies score alike anywhere
        ids = self.known[keep]
        scores = np.stack([np.vecdot(self.rows[keep], query) for query in queries]).clip(-1, 1)
        best = np.stack([np.lexsort((ids, -row))[:k] for row in scores])
        pad = max(0, k - len(ids))
        return Answer(
            np.pad(ids[best], ((0, 0), (0, pad)), constant_values=-1),
            np.pad(np.take_along_axis(scores, best, 1), ((0, 0), (0, pad))),
            1.0 if self.exact or exact else 0.9,
            int(keep.sum()),
        )

    def vectors(self, ids: Ids) -> Floats:
        rows: Floats = self.rows[np.searchsorted(self.known, ids)]
        return rows

    def ids(self) -> Ids:
        return self.known


class FakeCollection:
    """Spaces over the same ids; the only filter it knows is a comma-separated list of ids.

    A list of it has two columns, the id and the path.
    """

    def __init__(self, **indexes: BruteIndex) -> None:
        self.indexes = indexes

    def index(self, space: str) -> BruteIndex:
        return self.indexes[space]

    @property
    def spaces(self) -> dict[str, int]:
        return {space: index.dim for space, index in self.indexes.items()}

    def vectors(self, ids: Sequence[int], space: str) -> Floats:
        return self.indexes[space].vectors(np.asarray(ids, np.int64))

    def allowed_ids(self, where: str, parameters: Sequence[Any] = ()) -> Ids:
        numbers = where.strip("()\n ").split(",")
        return np.array(sorted(int(number) for number in numbers), np.int64)

    def suggest(self, where: str) -> list[str]:
        return [f"nothing is {where}"]

    def metadata(self, ids: Sequence[int], where: str | None = None) -> list[ImageInfo]:
        return [described(i, f"/pictures/{i}.png", label=str(i)) for i in ids]

    @contextmanager
    def listed(self, listing: Listing) -> Iterator[tuple[list[str], Iterator[tuple[Any, ...]]]]:
        known = next(iter(self.indexes.values())).known if listing.ids is None else listing.ids
        shown = [int(i) for i in known][: listing.limit]
        yield ["id", "path"], ((None, i, f"/pictures/{i}.png") for i in shown)


def described(number: int, *paths: str, **known: Any) -> ImageInfo:
    """An image of which hardly anything is known but what is given; other names are the user's."""
    names = {one.name for one in fields(ImageInfo)}
    always: dict[str, Any] = {
        **{"id": number, "content_hash": "0" * 64, "width": 8, "height": 8, "format": "PNG"},
        **{"bytes": 1, "keywords": (), "generated": False, "missing": False, "predictions": ()},
        **{"path": display(paths[0]) if paths else None, "paths": paths},
        "own": {name: value for name, value in known.items() if name not in names},
    }
    given = {name: value for name, value in known.items() if name in names}
    return ImageInfo(**{**dict.fromkeys(names), **always, **given})


def reader(fake: FakeCollection) -> SnapshotReader:
    """What type checkers hold the fake to."""
    return fake


def unit(rows: Floats) -> Floats:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    result: Floats = (rows / lengths).astype(np.float32)
    return result
