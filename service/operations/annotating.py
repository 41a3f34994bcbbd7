"""Columns of the user's own, set on images that are named by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from vitrail.indexer.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

Value: TypeAlias = str | int | float | bool | None
"""Of a column; ``None`` clears what was there."""


def annotate_images(
    directory: Path, ids: Sequence[int], columns: Mapping[str, Sequence[Value]]
) -> int:
    """Set columns on images, in one commit; how many images were set.

    Args:
        directory: of the collection.
        ids: of the images; those that are gone by now are passed over.
        columns: name -> a value for each of them.

    Raises:
        InputError: a column that no image can have, or values of several kinds in one.
        CollectionLockedError: another process is writing.
        CollectionError: the disk is full.
    """
    from vitrail.indexer.collection.store import CollectionStore

    if not columns:
        raise InputError("no column is named; name at least one to set")
    made = {name: _arrow(name, values) for name, values in columns.items()}
    with CollectionStore.open(directory, writable=True) as writer:
        return writer.annotate_images(ids, made)


def _arrow(name: str, values: Sequence[Value]) -> pa.ChunkedArray:
    """Values of one kind as a column."""
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        kinds = {float}
    if len(kinds) > 1:
        named = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise InputError(f"column {name[:60]!r} is given {named}; give values of one kind")
    types = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    try:
        return pa.chunked_array([pa.array(values, types[next(iter(kinds), str)])])
    except (pa.ArrowInvalid, OverflowError, UnicodeError) as error:
        raise InputError(f"column {name[:60]!r} is given what it cannot hold: {error}") from error
