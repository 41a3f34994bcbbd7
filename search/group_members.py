"""What makes images a group: the same value in a column, or being copies of one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vitrail.indexer.collection.readers import SnapshotReader
from vitrail.indexer.errors import InputError
from vitrail.indexer.image_info import ImageInfo
from vitrail.search.filters import combine_filters
from vitrail.search.retrieval import Ids, Retrieval

COPIES = "copies"
_DEPTH = 64  # copies looked for at first


@dataclass(frozen=True, slots=True)
class SharedValue:
    """Images that have the same value in a column.

    Attributes:
        commit: what is searched.
        retrieval: whose filter holds for members too.
        column: as the collection spells it.
    """

    commit: SnapshotReader
    retrieval: Retrieval
    column: str

    def __call__(self, image_id: int) -> Ids:
        """(n,) int64 ascending ids of the images that share the value of one."""
        value = self.value(image_id)
        name = '"' + self.column.replace('"', '""') + '"'
        condition, given = (f"{name} IS NULL", []) if value is None else (f"{name} = ?", [value])
        return within(self.retrieval, self.commit.allowed_ids(condition, given))

    def value(self, image_id: int) -> Any:
        """What an image has in the column: of the file that is shown of it.

        Raises:
            InputError: it is a list or a recipe, which images do not share.
        """
        options = self.retrieval.query.options
        where = combine_filters(options.where, options.only)
        (info,) = self.commit.metadata([image_id], where)
        value = info[self.column]
        if isinstance(value, list | dict):
            raise InputError(
                f"images cannot be grouped by {self.column}, which holds several values; name "
                "another column"
            )
        return value


@dataclass(frozen=True, slots=True)
class NearCopies:
    """Images that are as near to one as its copies are.

    Attributes:
        retrieval: whose spaces, weights and filter hold.
        least: the cosine that copies have at least.
    """

    retrieval: Retrieval
    least: float

    def __call__(self, image_id: int) -> Ids:
        """(n,) int64 ascending ids of the copies of an image."""
        near = self.retrieval.without_cutoff()
        own = np.array([image_id], np.int64)
        row = {s: near.indexes[s].vectors(own) for s in near.query.weights}
        depth = _DEPTH
        while True:
            ranking = near.rank(row, depth)
            found = ranking.ids[ranking.total >= self.least]
            if len(found) < depth or len(ranking.ids) < depth:
                return np.sort(found)
            depth *= 4


def within(retrieval: Retrieval, ids: Ids) -> Ids:
    """Those of some ids that can be hits."""
    if retrieval.allowed is not None:
        ids = np.intersect1d(ids, retrieval.allowed)
    return np.setdiff1d(ids, np.fromiter(retrieval.query.exclude, np.int64))


def best_version(images: list[ImageInfo]) -> int:
    """The id of the image with the most pixels; of several the earliest taken, then added."""

    def rank(info: ImageInfo) -> tuple[Any, ...]:
        when = [str(one) if one else "~" for one in (info.taken_at, info.added_at)]
        return -info.width * info.height, *when, info.id

    return min(images, key=rank).id
