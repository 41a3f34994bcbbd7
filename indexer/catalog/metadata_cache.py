"""Metadata in memory as Arrow columns, for readers that answer many queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog.column_values import values_of
from vitrail.indexer.catalog.columns import Some, annotation_columns, some_images
from vitrail.indexer.catalog.schema import TABLES, quote
from vitrail.indexer.image_info import ImageInfo

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Ids = NDArray[np.int64]
_LISTED = ", ".join(map(quote, TABLES["images"]))
# What ``metadata.describe`` reads; the rest of the files table would take as much memory again.
_SOURCES = {
    "images": ("id", f"SELECT {_LISTED} FROM images"),
    "files": ("image_id", "SELECT image_id, path, path_raw, label, missing, first_seen FROM files"),
    "predictions": ("image_id", "SELECT image_id, rank, label, score FROM predictions"),
}
_SHARE = 0.25  # of the images, above which what has changed is no longer kept beside the rest
_DESCRIBED = 1 << 14  # images held as they were last answered: some 20 MB


class MetadataCache:
    """The rows of images, files, predictions and annotations, found by image id.

    With it ten images' metadata take some 0.1 ms whatever the number of images, where DuckDB,
    without an index, takes longer the more there are.

    It never changes: ``moved_on`` gives that of a later commit, which shares all rows but those of
    images that have changed since.

    Args:
        connection: to a state that does not change; read once.
    """

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self.annotation_names = list(annotation_columns(connection))
        self._layers: tuple[_Layer, ...] = (_read_layer(connection, self.annotation_names, None),)
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

    def described(self, ids: Iterable[int]) -> dict[int, ImageInfo]:
        """Those of some images that were answered lately, by id."""
        known = self._described
        return {one: known[one] for one in ids if one in known}

    def keep(self, images: Iterable[ImageInfo]) -> None:
        """Hold images for ``described``, but for those with parts that whoever has one can change.

        Args:
            images: as users see them who ask by no filter.
        """
        some = {one.id: one for one in images if one.recipe is None and not one.own}
        if len(self._described) + len(some) > _DESCRIBED:
            self._described = {}  # another thread may be reading the one of before
        if len(some) <= _DESCRIBED:
            self._described.update(some)

    def find(self, table: str, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """Rows of a table by image id; images without any are left out.

        Args:
            table: ``images``, ``files``, ``predictions`` or ``annotations``.
            ids: of images, in any order.
        """
        wanted: Ids = np.array(sorted(set(ids)), np.int64)  # few, for which NumPy takes longer
        found: dict[int, list[dict[str, Any]]] = {}
        for layer in self._layers[:0:-1]:
            places = np.searchsorted(layer.ids, wanted)
            here = layer.ids.take(places, mode="clip") == wanted
            if here.any():
                found |= layer.tables[table].find(wanted[here])
                wanted = wanted[~here]
        return found | self._layers[0].tables[table].find(wanted)


class _Layer(NamedTuple):
    """The rows of some images, or of all: their ids, ascending, and their tables by name."""

    ids: Ids
    tables: dict[str, _Table]


def _read_layer(connection: DuckDBPyConnection, own: Sequence[str], ids: Ids | None) -> _Layer:
    """Read the rows of images from the tables; ``None`` is all of them."""
    some = Some() if ids is None else some_images(connection, ids.tolist())
    tables = {
        name: _Table(connection.sql(sql).to_arrow_table(), key)
        for name, key, sql in _queries(own, some)
    }
    return _Layer(tables["images"].keys if ids is None else ids, tables)


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


class _Table:
    """One Arrow table, its rows found by a key that need not be unique."""

    def __init__(self, table: Any, key: str) -> None:
        self.names: list[str] = table.column_names
        keys = np.asarray(table[key])
        order = np.argsort(keys, kind="stable")  # moving numbers is cheaper than sorting rows
        self.keys: Ids = keys[order]
        # Most tables are in this order already.
        self._order = None if np.array_equal(order, np.arange(len(order))) else order
        # A value at a time costs half of taking rows, above all where most columns are empty.
        self._columns = [
            (name, values_of(column.chunk(0) if column.num_chunks == 1 else column))
            for name, column in zip(self.names, table.combine_chunks().columns, strict=True)
            if column.null_count < len(column)
        ]
        self._nothing = dict.fromkeys(self.names)

    def find(self, wanted: Ids) -> dict[int, list[dict[str, Any]]]:
        """Rows by key, for ascending keys that differ."""
        if not len(self.keys):
            return {}
        starts = np.searchsorted(self.keys, wanted).tolist()
        ends = np.searchsorted(self.keys, wanted, "right").tolist()
        return {
            image_id: [self._row(place) for place in range(start, end)]
            for image_id, start, end in zip(wanted.tolist(), starts, ends, strict=True)
            if end > start
        }

    def _row(self, place: int) -> dict[str, Any]:
        position = place if self._order is None else int(self._order[place])
        row: dict[str, Any] = self._nothing.copy()
        for name, value in self._columns:
            row[name] = value(position)
        return row
