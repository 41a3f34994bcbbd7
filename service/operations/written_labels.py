"""Labels that were told, as columns of the collection that a filter may name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vitrail.indexer.catalog.listing import Listing
from vitrail.indexer.catalog.own_columns import LONGEST_NAME, check_names
from vitrail.indexer.errors import InputError

if TYPE_CHECKING:
    from vitrail.indexer.collection.snapshot import Snapshot
    from vitrail.service.operations.classifications import ClassifiedImage
    from vitrail.service.operations.searchable import Searchable

PROBABILITY = "_probability"
"""What the column of probabilities is called beside that of the labels."""


def check_column(commit: Snapshot, name: str, labels: str | None) -> None:
    """Refuse to write where something else is: before anything is worked out.

    Args:
        commit: which knows the columns.
        name: of the column to be written.
        labels: of the column that was learned from, if any.

    Raises:
        InputError: no image can have such a column, or it is the user's own.
    """
    check_names((name, name + PROBABILITY), "--write")
    if len(name) > LONGEST_NAME - len(PROBABILITY):
        raise InputError(
            f"--write {name[:40]!r}... has {len(name)} characters, but "
            f"{LONGEST_NAME - len(PROBABILITY)} are the most; choose a shorter name"
        )
    if labels is not None and labels.lower() in (name.lower(), (name + PROBABILITY).lower()):
        raise InputError(
            f"--write {name!r} would replace the labels that are learned from; choose another "
            "name, such as predicted"
        )
    with commit.listed(Listing(ids=())) as (columns, _):  # no row has to be read for the names
        own = {column.lower() for column in columns}
    both = name, name + PROBABILITY
    there = [one for one in both if one.lower() in own]
    if len(there) == 1:
        raise InputError(
            f"the collection has a column {there[0]!r} of your own, which --write would replace; "
            "choose another name"
        )


def write_labels(collection: Searchable, name: str, images: Sequence[ClassifiedImage]) -> int:
    """Set the labels of images of the collection, and their probabilities; returns of how many.

    Raises:
        CollectionLockedError: another process is writing.
        CollectionError: the disk is full.
    """
    import pyarrow as pa

    from vitrail.indexer.collection.store import CollectionStore

    told = [one for one in images if one.id is not None]
    sure = [one.guesses[0].probability if one.guesses else None for one in told]
    columns = {
        name: pa.chunked_array([pa.array([one.label for one in told], pa.string())]),
        name + PROBABILITY: pa.chunked_array([pa.array(sure, pa.float64())]),
    }
    try:
        with CollectionStore.open(collection.store.directory, writable=True) as writer:
            return writer.annotate_images([one.id for one in told if one.id is not None], columns)
    finally:
        collection.store.refresh()
