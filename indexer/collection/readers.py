"""What searches and analyses need of a commit of a collection, wherever it is read from.

A ``vitrail.indexer.collection.snapshot.Snapshot`` is such a reader; a server of vectors can stand
behind the same protocols.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.image_info import ImageInfo
from vitrail.indexer.vectors.exact import Floats, Ids
from vitrail.indexer.vectors.meetings import StoredVectors

if TYPE_CHECKING:
    from vitrail.indexer.catalog.listing import Listing


class IndexAnswer(Protocol):
    """What a vector index returns; see ``vitrail.indexer.vectors.answers.Neighbours``."""

    @property
    def ids(self) -> Ids:
        """(q, k) int64, -1 where nothing was found."""

    @property
    def scores(self) -> Floats:
        """(q, k) float32 cosines."""

    @property
    def recall(self) -> float:
        """The share of the true k nearest that is found, as measured; 1 if no better can exist."""

    @property
    def scanned(self) -> int:
        """Vectors compared."""


class SearchIndex(StoredVectors, Protocol):
    """The stored vectors of one space, and the nearest of them."""

    def __len__(self) -> int: ...

    def search(
        self, queries: Floats, k: int, *, allowed: Ids | None = None, exact: bool = False
    ) -> IndexAnswer:
        """The k nearest rows of (q, dim) float32 unit vectors.

        Args:
            queries: what is asked.
            k: how many.
            allowed: (n,) int64 ascending ids to choose from; ``None`` is all.
            exact: compare with every row.
        """


class RowTransform(Protocol):
    """How rows of a derived space are worked out of a stored one's."""

    def apply(self, rows: Floats) -> Floats:
        """(n, dim) float32 unit rows of the stored space to (n, d) float32 of the derived one."""

    def lengths(self, rows: Floats) -> NDArray[np.float64]:
        """(n,) float64 lengths that such rows have before they are made unit rows."""


class SpaceReader(Protocol):
    """What a commit tells of its spaces, for a query that does not say all."""

    def transform(self, space: str) -> RowTransform:
        """How a derived space is worked out of the stored one that it is named after.

        Raises:
            InputError: there is no such derived space.
        """

    def fitted_rows(self, space: str) -> int:
        """On how many images the transform of a derived space was fitted.

        Raises:
            InputError: there is no such derived space.
        """


class VectorReader(Protocol):
    """The vectors of a commit."""

    @property
    def spaces(self) -> Mapping[str, int]:
        """Embedding spaces and their widths, derived ones too."""

    def index(self, space: str) -> SearchIndex:
        """The vector index of a space.

        Raises:
            InputError: there is no such space.
        """

    def vectors(self, ids: Sequence[int], space: str) -> Floats:
        """(n, dim) float32 stored vectors of images, in the order of ``ids``.

        Raises:
            InputError: an unknown id or space.
        """


class MetadataReader(Protocol):
    """What is known of the images of a commit."""

    def allowed_ids(self, where: str, parameters: Sequence[Any] = ()) -> Ids:
        """(n,) int64 ascending ids for which an SQL expression over the columns is true.

        They may be others' too: nobody writes to them.

        Args:
            where: the expression.
            parameters: values of its ``?`` marks, in order.

        Raises:
            InputError: it cannot be used.
        """

    def suggest(self, where: str) -> list[str]:
        """Lines on what a filter that lets nothing through may have meant."""

    def metadata(self, ids: Sequence[int], where: str | None = None) -> list[ImageInfo]:
        """What is known of each id, in order; files that fulfil a filter come first.

        Raises:
            InputError: an id that no image has, or a filter that cannot be used.
        """

    def listed(
        self, listing: Listing
    ) -> AbstractContextManager[tuple[list[str], Iterator[tuple[Any, ...]]]]:
        """The columns of a list of images, and its rows: bytes of the path, then the columns.

        Raises:
            InputError: the filter cannot be used, or there is no such column.
        """


class SnapshotReader(VectorReader, MetadataReader, Protocol):
    """Vectors and metadata of the same commit."""


class CommitReader(SnapshotReader, SpaceReader, Protocol):
    """All that is told of the same commit."""
