"""Metadata in memory as Arrow columns, for readers that answer many queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from itertools import compress
from operator import not_
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog.cached_rows import Layer, Table
from vitrail.indexer.catalog.columns import SHOWN, Some, annotation_columns, some_images
from vitrail.indexer.catalog.metadata import Shown
from vitrail.indexer.catalog.schema import quote
from vitrail.indexer.errors import UnknownImageError
from vitrail.indexer.image_info import ImageInfo

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Ids = NDArray[np.int64]
_LISTED = ", ".join(map(quote, SHOWN))
# What ``metadata.fields_of`` reads; the rest of the files table would take as much memory again.
_SOURCES = {
    "images": ("id", f"SELECT {_LISTED} FROM images"),
    "files": ("image_id", "SELECT image_id, path, path_raw, label, missing, first_seen FROM files"),
    "predictions": ("image_id", "SELECT image_id, rank, label, score FROM predictions"),
}
_SHARE = 0.25  # of the images, above which what has changed is no longer kept beside the rest
_DESCRIBED = 1 << 14  # images held as they were last answered: some 20 MB


class MetadataCache:
    """The rows of images, files, predictions and annotations, found by image id.

    With it ten images are found in some 30 µs, and those that are looked at are read in 4 to 10
    each, the less the more are read, however many there are. DuckDB, without an index, takes longer
    the more there are.

    It never changes: ``moved_on`` gives that of a later commit, which shares all rows but those of
    images that have changed since.

    Args:
        connection: to a state that does not change; read once.
    """

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self.annotation_names = list(annotation_columns(connection))
        self._layers: tuple[Layer, ...] = (_read_layer(connection, self.annotation_names, None),)
        self._described: dict[int, ImageInfo] = {}

    def moved_on(self, connection: DuckDBPyConnection, changed: Iterable[int]) -> MetadataCache:
        """The rows as of a later commit with the same annotation columns.

        What has changed lies in layers above the rest. A new layer takes in those below that are
        not twice its size, so that there are few, and each row is read again only a few times.

        Args:
            connection: to the later state.
            changed: ids of images of which any row is another, new or gone.
        """
        ids = np.unique(np.fromiter(changed, np.int64))
        if not len(ids):
            return self
        layers = list(self._layers)
        while len(layers) > 1 and len(layers[-1].ids) < 2 * len(ids):
            ids = np.union1d(ids, layers.pop().ids)
        later = copy(self)
        later._described = {}
        if len(ids) > _SHARE * len(layers[0].ids):
            later._layers = (_read_layer(connection, self.annotation_names, None),)
        else:
            layers.append(_read_layer(connection, self.annotation_names, ids))
            later._layers = tuple(layers)
        return later

    def images(self, ids: Sequence[int], shown: Shown | None = None) -> list[ImageInfo]:
        """Everything known of each image, in the order of ``ids``, as ``metadata.read_metadata``.

        Args:
            ids: of images.
            shown: files that come before an image's others.

        Raises:
            UnknownImageError: an id that is in no image.
        """
        if shown:
            return self._looked_up(ids, shown)
        known = self._described  # another thread may put another one in its place
        found = [known.get(one) for one in ids]
        if all(found):
            return found  # type: ignore[return-value]
        missing = (one for one, image in zip(ids, found, strict=True) if image is None)
        others = list(dict.fromkeys(missing))
        if len(others) == len(ids):
            return self._looked_up(others, {})
        new = dict(zip(others, self._looked_up(others, {}), strict=True))
        return [new[one] if image is None else image for one, image in zip(ids, found, strict=True)]

    def described(self) -> frozenset[int]:
        """Ids of the images that are held as they were last answered."""
        return frozenset(self._described)

    def _looked_up(self, ids: Sequence[int], shown: Shown) -> list[ImageInfo]:
        if len(self._layers) == 1:
            found = self._read(self._layers[0], ids, shown)
        else:
            found = self._in_layers(ids, shown)
        if not all(found):
            unknown = ids[found.index(None)]
            raise UnknownImageError(f"there is no image with id {unknown} in this collection")
        return found  # type: ignore[return-value]

    def _in_layers(self, ids: Sequence[int], shown: Shown) -> list[ImageInfo | None]:
        found: dict[int, ImageInfo | None] = dict.fromkeys(ids)
        left = list(found)
        for layer in self._layers[::-1]:
            held = layer.holds(left)
            own = list(compress(left, held))
            found.update(zip(own, self._read(layer, own, shown), strict=True))
            left = list(compress(left, map(not_, held)))
        return [found[one] for one in ids]

    def _read(self, layer: Layer, ids: Sequence[int], shown: Shown) -> list[ImageInfo | None]:
        images = layer.unread(ids, shown)
        if not shown and all(images):
            apart = layer.apart(ids)
            read: Iterable[Any] = zip(ids, images, strict=True)
            self._keep(dict(read if apart is None else compress(read, map(not_, apart))))
        return images

    def _keep(self, images: Mapping[int, ImageInfo]) -> None:
        """Hold images that nobody can change, so that they are read once for many answers."""
        if len(self._described) + len(images) > _DESCRIBED:
            self._described = {}  # another thread may be reading the one of before
        if len(images) <= _DESCRIBED:
            self._described.update(images)


def _read_layer(connection: DuckDBPyConnection, own: list[str], ids: Ids | None) -> Layer:
    """Read the rows of images from the tables; ``None`` is all of them."""
    some = Some() if ids is None else some_images(connection, ids.tolist())
    tables = {
        name: Table(connection.sql(sql).to_arrow_table(), key)
        for name, key, sql in _queries(own, some)
    }
    return Layer(tables["images"].keys if ids is None else ids, **tables, own=own)


def _queries(own: Sequence[str], some: Some) -> Iterator[tuple[str, str, str]]:
    """Each table's name, the column of the image's id, and what to read."""
    for name, (key, sql) in _SOURCES.items():
        yield name, key, f"{sql} WHERE {key} {some.ids}" if some.ids else sql
    names = "".join(f", a.{quote(name)}" for name in own)
    annotated = " JOIN images i USING (content_hash)"
    if some.ids:  # of which the rows are found first
        annotated = f" WHERE content_hash {some.hashes}) a{annotated} WHERE i.id {some.ids}"
    else:
        annotated = f") a{annotated}"
    sql = f"SELECT i.id AS image_id{names} FROM (SELECT * FROM annotations{annotated}"
    yield "annotations", "image_id", sql
