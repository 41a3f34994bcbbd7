"""What a collection's directory holds, by name, and the file that marks it as one."""

from __future__ import annotations

import json
import os

from indexer.catalog import catalog as catalogs
from indexer.catalog import snapshots
from indexer.catalog.catalog import Catalog
from indexer.catalog.schema import FORMAT
from indexer.encoders.base import Fingerprint
from indexer.errors import CollectionError
from indexer.store import segments
from indexer.store.durability import TEMPORARY, write_text
from indexer.store.reading import exists, reading
from indexer.vectors import indexes

MARK = "vitrail.json"
LOCK = "lock"
GENERATED = "generated"
_FOLDERS = (segments.FOLDER, indexes.FOLDER, snapshots.FOLDER, GENERATED)


def make_folders(directory: str) -> None:
    """Create those of a collection's folders that are missing."""
    for folder in _FOLDERS:
        os.makedirs(os.path.join(directory, folder), exist_ok=True)


def check_free(directory: str) -> None:
    """Refuse to make a collection where one is, or where other files are.

    Raises:
        CollectionError: names what was found.
    """
    if os.path.exists(os.path.join(directory, catalogs.FILE)):
        raise CollectionError(f"{directory} is a collection already; open it")
    strangers = set(os.listdir(directory)) - {LOCK, MARK, *_FOLDERS}
    if strangers:
        raise CollectionError(
            f"{directory} holds other files, such as {min(strangers)!r}; "
            "name an empty or new directory"
        )


def lay_out(directory: str, fingerprint: Fingerprint) -> None:
    """Write an empty collection; the catalog comes last, and with it the collection exists.

    Raises:
        OSError: the disk is full or refuses.
    """
    make_folders(directory)
    catalog = begin_catalog(directory, fingerprint)
    catalog.close()
    write_text(os.path.join(directory, MARK), mark_text(fingerprint))
    os.replace(catalog.path, os.path.join(directory, catalogs.FILE))


def begin_catalog(directory: str, fingerprint: Fingerprint) -> Catalog:
    """A new catalog under a temporary name, to be closed and renamed once it is filled.

    Raises:
        OSError: the disk is full or refuses.
    """
    discard_begun(directory)
    catalog = Catalog(begun_path(directory))
    catalog.create(fingerprint)
    return catalog


def begun_path(directory: str) -> str:
    """The temporary name of a new catalog."""
    return os.path.join(directory, catalogs.FILE + TEMPORARY)


def discard_begun(directory: str) -> None:
    """Delete a new catalog that shall not become the collection's."""
    for leftover in (begun_path(directory), begun_path(directory) + ".wal"):
        if os.path.exists(leftover):
            os.unlink(leftover)


def is_collection(directory: str) -> bool:
    """Whether a directory holds a collection, whole or damaged.

    Raises:
        UnreadableError: that cannot be told now.
    """
    return any(
        exists(os.path.join(directory, name)) for name in (MARK, catalogs.FILE, segments.FOLDER)
    )


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
        with reading(path), open(path, encoding="utf-8") as file:
            return Fingerprint.from_json(json.dumps(json.load(file)["fingerprint"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise CollectionError(
            f"{directory} has neither catalog nor segments nor a readable {MARK}; "
            "nothing is left to rebuild it from"
        ) from error
