"""Rows of the catalog's tables in memory, by image id, and images that are read of them when asked.

A hit shows a path or two of what is known of its image, and a batch of questions has thousands of
hits. So where the rows of all of them lie is looked up at once, and each image's are read when
somebody first looks at it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog.column_values import presence_of, values_of
from vitrail.indexer.catalog.metadata import Shown, fields_of, in_order
from vitrail.indexer.image_info import ImageInfo
from vitrail.indexer.paths import original

Ids = NDArray[np.int64]


class Table:
    """One Arrow table, its rows found by a key that need not be unique."""

    def __init__(self, table: Any, key: str) -> None:
        keys = np.asarray(table[key])
        order = np.argsort(keys, kind="stable")  # moving numbers is cheaper than sorting rows
        self.keys: Ids = keys[order]
        # Most tables are in this order already.
        self._order = None if np.array_equal(order, np.arange(len(order))) else order
        # Where no id is missing, or there twice, a row's place tells itself.
        self._gapless = len(keys) > 0 and bool(np.all(np.diff(self.keys) == 1))
        self._first = int(self.keys[0]) if len(keys) else 0
        # A value at a time costs half of taking rows, above all where most columns are empty.
        columns = {
            name: column.chunk(0) if column.num_chunks == 1 else column
            for name, column in zip(table.column_names, table.combine_chunks().columns, strict=True)
            if column.null_count < len(column)
        }
        self._columns = {name: values_of(column) for name, column in columns.items()}
        self._there = {name: presence_of(column) for name, column in columns.items()}

    def places(self, wanted: Sequence[int]) -> tuple[list[int], list[int]]:
        """Of n keys in any order the first row of each, and the one after its last: n each."""
        if not self._gapless:
            keys = np.array(wanted, np.int64)
            starts, ends = (np.searchsorted(self.keys, keys, side) for side in ("left", "right"))
            return starts.tolist(), ends.tolist()
        first, size = self._first, len(self.keys)
        places = [key - first for key in wanted]  # of ten, NumPy would take ten times as long
        if places and not 0 <= min(places) <= max(places) < size:
            there = [0 <= place < size for place in places]
            return places, [place + known for place, known in zip(places, there, strict=True)]
        return places, [place + 1 for place in places]

    def alike(self, other: Table) -> bool:
        """Whether every key has one row, at the same place as in another table."""
        if not (self._gapless and other._gapless):
            return False
        return len(self.keys) == len(other.keys) and self._first == other._first

    def rows(self, start: int, end: int) -> list[dict[str, Any]]:
        """The rows of some places, by column, but for columns that are empty in all rows."""
        if end == start + 1:
            return [self._row(start)]
        return [self._row(place) for place in range(start, end)]

    def rows_of(self, key: int) -> list[dict[str, Any]]:
        """Those of a key."""
        if not len(self.keys):
            return []
        (start,), (end,) = self.places([key])
        return self.rows(start, end)

    def value(self, name: str, place: int) -> Any:
        """One column of a row; ``None`` where it has no value."""
        read = self._columns.get(name)
        return None if read is None else read(self._position(place))

    def has_value(self, name: str) -> Callable[[int], bool] | None:
        """What tells of a place whether a column has a value there; ``None`` where none has."""
        there = self._there.get(name)
        return None if there is None else lambda place: there(self._position(place))

    def _position(self, place: int) -> int:
        return place if self._order is None else int(self._order[place])

    def _row(self, place: int) -> dict[str, Any]:
        position = self._position(place)
        return {name: value(position) for name, value in self._columns.items()}


class Layer(NamedTuple):
    """The rows of some images, or of all.

    Attributes:
        ids: (n,) int64 ascending ids of the images, those included that are gone.
        images: a row each.
        files: any number.
        predictions: likewise.
        annotations: one or none.
        own: names of the annotations' columns.
    """

    ids: Ids
    images: Table
    files: Table
    predictions: Table
    annotations: Table
    own: list[str]

    def holds(self, ids: Sequence[int]) -> list[bool]:
        """Of n ids whether they are among the layer's own."""
        wanted = np.array(ids, np.int64)
        places = np.searchsorted(self.ids, wanted)
        held: list[bool] = (self.ids.take(places, mode="clip") == wanted).tolist()
        return held

    def unread(self, ids: Sequence[int], shown: Shown) -> list[ImageInfo | None]:
        """Some images, each read when it is first looked at; ``None`` for those that it lacks.

        Args:
            ids: in any order.
            shown: files that come before an image's others.
        """
        places, found = self.images.places(ids)
        alike = self.files.alike(self.images)
        files, ends = (places, found) if alike else self.files.places(ids)
        rows = _UnreadRows(self, places, files, ends, shown)
        return [
            ImageInfo.unread(image_id, rows, number) if found[number] > places[number] else None
            for number, image_id in enumerate(ids)
        ]

    def apart(self, ids: Sequence[int]) -> list[bool] | None:
        """Of n of its images, whether their holders could change parts of them; ``None`` is none.

        That is what the user has added, and recipes.
        """
        if self.own:
            return [True] * len(ids)
        made = self.images.has_value("recipe")
        return made and [made(place) for place in self.images.places(ids)[0]]


class _UnreadRows:
    """Where the rows of some images lie, by their number; see ``image_info.UnreadImages``."""

    __slots__ = ("_ends", "_files", "_layer", "_places", "_shown")

    def __init__(
        self, layer: Layer, places: list[int], files: list[int], ends: list[int], shown: Shown
    ) -> None:
        self._layer, self._shown = layer, shown
        self._places, self._files, self._ends = places, files, ends

    def paths(self, number: int, image_id: int) -> tuple[str, ...]:
        """The paths of an image's files, in the order they are shown."""
        start, end = self._files[number], self._ends[number]
        files = self._layer.files
        if end - start == 1:
            return (original(files.value("path", start), files.value("path_raw", start)),)
        return tuple(
            original(f["path"], f.get("path_raw")) for f in self._in_order(number, image_id)
        )

    def known(self, number: int, image_id: int) -> Mapping[str, Any]:
        """All that is known of an image."""
        layer = self._layer
        place = self._places[number]
        (image,) = layer.images.rows(place, place + 1)
        own: dict[str, Any] = dict.fromkeys(layer.own)
        for row in layer.annotations.rows_of(image_id) if own else ():
            own |= row
        return fields_of(
            image, self._in_order(number, image_id), layer.predictions.rows_of(image_id), own
        )

    def _in_order(self, number: int, image_id: int) -> list[dict[str, Any]]:
        files = self._layer.files.rows(self._files[number], self._ends[number])
        return in_order(files, self._shown.get(image_id, frozenset()))
