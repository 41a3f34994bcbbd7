"""What a guard found of images, in a column of the user's own that filters may name."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from vitrail.indexer.catalog.listing import Listing
from vitrail.indexer.catalog.own_columns import check_names
from vitrail.indexer.catalog.schema import quote
from vitrail.indexer.errors import InputError, UnknownImageError
from vitrail.service.operations.references import IndexedPath, find_image

if TYPE_CHECKING:
    from vitrail.generator.batch import GeneratedFile
    from vitrail.indexer.collection.snapshot import Snapshot
    from vitrail.service.operations.searchable import Searchable


def check_mark(commit: Snapshot, name: str) -> None:
    """Refuse a column that holds something else than rates of generated images.

    Args:
        commit: which knows the columns.
        name: of the column to be written.

    Raises:
        InputError: no image can have such a column, or it is the user's own.
    """
    check_names((name,), "--mark")
    with commit.listed(Listing(ids=())) as (columns, _):  # no row has to be read for the names
        known = name.lower() in {column.lower() for column in columns}
    if not known:
        return
    column = quote(name)
    foreign = f"{column} is not null and (not generated or typeof({column}) <> 'DOUBLE')"
    beyond = f"{column} < 0 or {column} > 1"  # of numbers alone
    if len(commit.allowed_ids(foreign)) or len(commit.allowed_ids(beyond)):
        raise InputError(
            f"the collection has a column {name!r} that holds something else than what --mark "
            "writes; choose another name"
        )


def write_marks(collection: Searchable, name: str, files: Sequence[GeneratedFile]) -> int:
    """Set the false-positive rate that a guard found of each image; none where it was not compared.

    Args:
        collection: which has indexed them.
        name: of the column.
        files: judged.

    Returns:
        how many got none, as the user has taken them out of the collection before.

    Raises:
        CollectionLockedError: another process is writing.
        CollectionError: the disk is full.
    """
    import pyarrow as pa

    from vitrail.indexer.collection.store import CollectionStore

    rates: dict[int, float | None] = {}
    for file in files:
        with suppress(UnknownImageError):  # what was removed is not indexed again
            image_id = find_image(collection.store, IndexedPath(str(file.path)))
            rates[image_id] = None if file.recipe.guard is None else file.recipe.guard.fpr
    if not rates:
        return len({file.path for file in files})
    columns = {name: pa.chunked_array([pa.array(rates.values(), pa.float64())])}
    try:
        with CollectionStore.open(collection.store.directory, writable=True) as writer:
            writer.annotate_images([*rates], columns)
    finally:
        collection.store.refresh()
    return len({file.path for file in files}) - len(rates)
