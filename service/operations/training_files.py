"""Where files that are learned from lie: in folders, or where a collection has them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from vitrail.indexer.errors import InputError
from vitrail.indexer.indexing.globs import PathFilter
from vitrail.indexer.indexing.scan import FoundFile, Walk
from vitrail.indexer.paths import at_home, display
from vitrail.indexer.wording import counted
from vitrail.search.classification.labelled import first_few
from vitrail.search.listing import ListOptions, list_images
from vitrail.search.sorting import column_name
from vitrail.service.operations.progress import Note, Progress

HOLDING_IMAGES = "name one that holds images"


def files_in(folder: str, remedy: str = HOLDING_IMAGES) -> tuple[str, list[str]]:
    """A folder's absolute path, and those of the images below it.

    Args:
        folder: may begin with ``~``.
        remedy: what to name where it is none.

    Raises:
        InputError: it is no folder.
    """
    start = os.path.abspath(at_home(folder))
    if not os.path.isdir(start):
        raise InputError(f"{display(folder)!r} is no folder; {remedy}")
    return start, [one.path for one in Walk(start, PathFilter()) if isinstance(one, FoundFile)]


def column_values(
    collection: str, column: str, option: str, where: str | None, *, all_images: bool = False
) -> tuple[str, list[tuple[str, object]]]:
    """What a collection's column is called, and the value that each image's file has in it.

    Args:
        collection: its directory.
        column: as somebody named it.
        option: by which it was named.
        where: SQL expression over its columns: which images; ``None`` for all.
        all_images: those without a value, too.

    Raises:
        InputError: there is no such column, or the filter cannot be used.
        CollectionError: the collection is missing or damaged.
    """
    from vitrail.indexer.collection.store import CollectionStore

    with CollectionStore.open(Path(collection)) as store:
        commit = store.snapshot()
        name = column_name(commit, column, option)
        quoted = '"' + name.replace('"', '""') + '"'
        wanted = [] if all_images else [f"{quoted} is not null"]
        wanted += [f"({where})"] if where else []
        filtered = " and ".join(wanted) or None
        listed = list_images(commit, ListOptions(where=filtered, columns=(name,)))
        found = [(image.path, image.values[name]) for image in listed]
    return name, [(path, value) for path, value in found if path is not None]


def tell_left_out(broken: Sequence[str], same: int, progress: Progress) -> None:
    """Say which files cannot be read, and how many have the content of another."""
    if broken:
        told = f"{counted(len(broken), 'file')} cannot be read and did not count"
        progress(Note(f"{told}: {first_few(broken)}"))
    if same:
        progress(Note(f"{counted(same, 'file')} had the content of another and did not count"))
