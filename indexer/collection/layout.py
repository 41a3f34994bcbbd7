"""What a collection's directory holds, by name, and the file that marks it as one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from vitrail.indexer.catalog import catalog as catalogs
from vitrail.indexer.catalog import journal, table_copies
from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.catalog.derived import put_default_weights
from vitrail.indexer.catalog.journal import Journal
from vitrail.indexer.catalog.schema import FORMAT
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.collection import probes, siblings, transforms
from vitrail.indexer.errors import CollectionError, InputError
from vitrail.indexer.files.begun import sweep_begun
from vitrail.indexer.files.durability import TEMPORARY, make_directory, rename, write_text
from vitrail.indexer.files.reading import exists, read_bytes, reading
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.segments import segment_file
from vitrail.indexer.vectors import indexes

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MARK = "vitrail.json"
LOCK = "lock"
GENERATED = "generated"
_FOLDERS = (
    segment_file.FOLDER,
    transforms.FOLDER,
    indexes.FOLDER,
    table_copies.FOLDER,
    journal.FOLDER,
    GENERATED,
)


def own_folders() -> tuple[str, ...]:
    """Names of all folders that a collection may have."""
    return (*_FOLDERS, probes.FOLDER)


def make_folders(directory: str) -> None:
    """Create those of a collection's folders that are missing."""
    for folder in _FOLDERS:
        make_directory(os.path.join(directory, folder))


def check_free(directory: str) -> None:
    """Refuse to make a collection where one is, or where other files are.

    Raises:
        CollectionError: names what was found.
    """
    if os.path.exists(os.path.join(directory, catalogs.FILE)):
        raise CollectionError(f"{directory} is a collection already; open it")
    if is_collection(directory):
        raise CollectionError(
            f"{directory} is a collection that lost its catalog",
            remedy="run `vitrail verify --repair`",
        )
    known = {LOCK, MARK, siblings.FILE, *own_folders()}
    strangers = {
        name for name in os.listdir(directory) if name not in known and not is_leftover(name)
    }
    if strangers:
        raise CollectionError(
            f"{directory} holds other files, such as {min(strangers)!r}; "
            "name an empty or new directory"
        )


def lay_out(directory: str, fingerprint: Fingerprint, awaits: str | None = None) -> None:
    """Write an empty collection; it exists once its catalog does, which comes last.

    What a killed attempt has left is written anew.

    Args:
        directory: the collection's.
        fingerprint: its encoder.
        awaits: the space that searches are to weigh alone once it is there.

    Raises:
        OSError: the disk is full or refuses.
    """
    make_folders(directory)
    Journal(os.path.join(directory, journal.FOLDER)).start()

    def fill(connection: DuckDBPyConnection) -> None:
        if awaits is not None:
            put_default_weights(Transaction(connection, 0), {awaits: 1.0})

    begin_catalog(directory, fingerprint, fill).close()
    rename(begun_path(directory), os.path.join(directory, catalogs.FILE))


def begin_catalog(
    directory: str,
    fingerprint: Fingerprint,
    fill: Callable[[DuckDBPyConnection], None] | None = None,
) -> Catalog:
    """A new catalog under a temporary name, to be closed and renamed once it is filled.

    Args:
        directory: the collection's.
        fingerprint: its encoder.
        fill: puts into the empty tables what is known already.

    Raises:
        OSError: the disk is full or refuses.
    """
    discard_begun(directory)
    catalog = Catalog(begun_path(directory))
    catalog.create(fingerprint, fill)
    return catalog


def begun_path(directory: str) -> str:
    """The temporary name of a new catalog."""
    return os.path.join(directory, catalogs.FILE + TEMPORARY)


def discard_begun(directory: str) -> None:
    """Delete a new catalog that shall not become the collection's."""
    for leftover in (begun_path(directory), begun_path(directory) + ".wal"):
        if os.path.exists(leftover):
            os.unlink(leftover)


def is_leftover(name: str) -> bool:
    """Whether a file of the collection's own directory is one that was not finished."""
    parts = name.removesuffix(".wal")
    return parts.endswith(TEMPORARY) and name.startswith((catalogs.FILE, MARK, siblings.FILE))


def sweep_leftovers(directory: str) -> None:
    """Delete what writers before this one have left unfinished; segments are swept elsewhere.

    Raises:
        OSError: the disk refuses.
    """
    begun = [entry for entry in os.scandir(directory) if is_leftover(entry.name)]
    for folder in (indexes.FOLDER, table_copies.FOLDER):
        inside = os.scandir(os.path.join(directory, folder))
        begun += [entry for entry in inside if entry.name.endswith(TEMPORARY)]
    if exists(made := os.path.join(directory, probes.FOLDER)):
        begun += [entry for entry in os.scandir(made) if entry.name.endswith(TEMPORARY)]
    with suppress(OSError):  # images are the user's, and no part of the collection's state
        sweep_begun(os.path.join(directory, GENERATED))
    for entry in begun:
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def is_collection(directory: str) -> bool:
    """Whether a directory holds a collection, whole or damaged; one that was only begun is none.

    Raises:
        InputError: it is a file.
        UnreadableError: that cannot be told now.
    """
    if os.path.isfile(directory):
        raise InputError(
            f"{directory} is a file, and a collection is a directory: name the one that holds "
            f"{catalogs.FILE}, or a new one"
        )
    names = (catalogs.FILE, MARK)
    return any(exists(os.path.join(directory, n)) for n in names) or holds_work(directory)


def holds_work(directory: str) -> bool:
    """Whether a directory without a catalog holds what one can be rebuilt from.

    Raises:
        UnreadableError: that cannot be told now.
    """
    folder = os.path.join(directory, segment_file.FOLDER)
    if (
        segment_file.found(folder)
        or table_copies.newest_seq(os.path.join(directory, table_copies.FOLDER)) >= 0
    ):
        return True
    written = Journal(os.path.join(directory, journal.FOLDER))
    with reading(written.folder):
        return any(extent.seq > 0 or extent.damaged for extent in written.extents())


def write_mark(directory: str, fingerprint: Fingerprint) -> None:
    """Write ``vitrail.json``, if it is missing or names another encoder than the catalog.

    Raises:
        OSError: the disk is full or refuses.
    """
    path = os.path.join(directory, MARK)
    if not os.path.exists(path) or _names_another(directory, fingerprint):
        write_text(path, mark_text(fingerprint))


def _names_another(directory: str, fingerprint: Fingerprint) -> bool:
    """Whether an embedding anew was killed right after its last step."""
    try:
        return not read_mark(directory).agrees(fingerprint)
    except CollectionError:  # damaged: for verify to tell
        return False


def mark_text(fingerprint: Fingerprint) -> str:
    """Content of ``vitrail.json``: for people and scripts; the catalog and segments have it too."""
    content = {"format": FORMAT, "fingerprint": json.loads(fingerprint.to_json())}
    return json.dumps(content, indent=2) + "\n"


def read_mark(directory: str) -> Fingerprint:
    """The fingerprint in ``vitrail.json``.

    Raises:
        CollectionError: it is missing or damaged.
        UnreadableError: it cannot be read now.
    """
    path = os.path.join(directory, MARK)
    try:
        return Fingerprint.from_json(json.dumps(json.loads(read_bytes(path))["fingerprint"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise CollectionError(
            f"{directory} has neither catalog nor segments nor a readable {MARK}; "
            "nothing is left to rebuild it from"
        ) from error
