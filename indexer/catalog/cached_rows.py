"""Rows of the catalog's tables in memory, by image id, and images that are read of them when asked.

A hit shows a path or two of what is known of its image, and a batch of questions has thousands of
hits. So where the rows of all of them lie is looked up at once, and each image's are read when
somebody first looks at it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import compress, repeat
from operator import lt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog.column_values import pages_of, presence_of, values_of
from vitrail.indexer.catalog.columns import SHOWN
from vitrail.indexer.catalog.metadata import (
    FIRST,
    Shown,
    columns_of_fields,
    in_order,
    in_ranks,
    of_files,
    own_columns,
)
from vitrail.indexer.image_info import ImageInfo
from vitrail.indexer.paths import original

Ids = NDArray[np.int64]
_PAGE = 32  # images read together
_SHOWN, _FILES = frozenset(SHOWN), frozenset((*FIRST, "path_raw"))


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
        self._pages = {name: pages_of(column) for name, column in columns.items()}
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

    def columns(self, names: Collection[str], places: Sequence[int]) -> dict[str, list[Any]]:
        """Some columns of the rows of n places, n values each; without those empty in all rows."""
        rows = np.array(places, np.int64)
        if self._order is not None:
            rows = self._order.take(rows)
        return {name: read(rows) for name, read in self._pages.items() if name in names}

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
        if not all(map(lt, places, found)):
            held = [*map(lt, places, found)]
            made = iter(self.unread([*compress(ids, held)], shown))
            return [next(made) if one else None for one in held]
        alike = self.files.alike(self.images)
        files, ends = (places, found) if alike else self.files.places(ids)
        rows = _UnreadRows(self, ids, places, files, ends, shown)
        return [*map(ImageInfo.unread, ids, repeat(rows), range(len(ids)))]

    def annotated(self, image_id: int) -> dict[str, Any]:
        """The user's own columns of one of its images, by name."""
        own: dict[str, Any] = dict.fromkeys(self.own)
        for row in self.annotations.rows_of(image_id):
            own |= row
        return own

    def apart(self, ids: Sequence[int]) -> list[bool] | None:
        """Of n of its images, whether their holders could change parts of them; ``None`` is none.

        That is what the user has added, and recipes.
        """
        if self.own:
            return [True] * len(ids)
        made = self.images.has_value("recipe")
        return made and [made(place) for place in self.images.places(ids)[0]]


class _UnreadRows:
    """Where the rows of some images lie, by their number; see ``image_info.UnreadImages``.

    Who looks at one image of an answer looks at others, so those that come after one another are
    read together: no more than a few that may never be asked for.
    """

    __slots__ = ("_ends", "_files", "_ids", "_layer", "_pages", "_places", "_shown")

    def __init__(
        self,
        layer: Layer,
        ids: Sequence[int],
        places: list[int],
        files: list[int],
        ends: list[int],
        shown: Shown,
    ) -> None:
        self._layer, self._ids, self._shown = layer, ids, shown
        self._places, self._files, self._ends = places, files, ends
        self._pages: dict[int, tuple[tuple[str, ...], list[tuple[Any, ...]]]] = {}

    def paths(self, number: int, image_id: int) -> tuple[str, ...]:
        """The paths of an image's files, in the order they are shown."""
        start, end = self._files[number], self._ends[number]
        files = self._layer.files
        if end - start == 1:
            return (original(files.value("path", start), files.value("path_raw", start)),)
        return tuple(
            original(f["path"], f.get("path_raw")) for f in self._in_order(image_id, start, end)
        )

    def known(self, number: int) -> tuple[Sequence[str], Sequence[Any]]:
        """The fields that an image has, and their values."""
        page, place = divmod(number, _PAGE)
        read = self._pages.get(page)
        if read is None:  # another thread may be reading it too, which comes to the same
            read = self._pages[page] = self._read(slice(page * _PAGE, (page + 1) * _PAGE))
        names, images = read
        return names, images[place]

    def _read(self, part: slice) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """The fields that some images have, and the values of one after the other."""
        layer, ids, files, ends = self._layer, self._ids[part], self._files[part], self._ends[part]
        images = layer.images.columns(_SHOWN, self._places[part])
        if all(end - start == 1 for start, end in zip(files, ends, strict=True)):
            firsts = layer.files.columns(_FILES, files)
            raw = firsts.get("path_raw") or repeat(None)
            paths: list[tuple[str, ...]] = [
                (original(*path),) for path in zip(firsts["path"], raw, strict=False)
            ]
        else:
            spans = zip(ids, files, ends, strict=True)
            firsts, paths = of_files([self._in_order(*span) for span in spans])
        predicted = layer.predictions
        predictions = in_ranks(map(predicted.rows_of, ids)) if len(predicted.keys) else None
        own = own_columns(map(layer.annotated, ids)) if layer.own else None
        known = columns_of_fields(images, firsts, paths, predictions, own)
        return tuple(known), [*zip(*known.values(), strict=True)]

    def _in_order(self, image_id: int, start: int, end: int) -> list[dict[str, Any]]:
        files = self._layer.files.rows(start, end)
        return in_order(files, self._shown.get(image_id, frozenset()))
