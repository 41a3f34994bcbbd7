"""A collection that was begun for nothing, taken back."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress

from vitrail.indexer.catalog import catalog as catalogs
from vitrail.indexer.collection import siblings
from vitrail.indexer.collection.layout import GENERATED, LOCK, MARK, is_leftover, own_folders
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.files.lock import WriterLock


def discard_empty(directory: str) -> bool:
    """Delete a collection that holds no image; other files stay, and so does the folder.

    What a run has noted of files that are no images is found again by the next one.

    Args:
        directory: of the collection.

    Returns:
        whether it is gone; not where it holds images or files that were generated.

    Raises:
        CollectionLockedError: another process is writing to it.
        OSError: the disk refuses.
    """
    with WriterLock(os.path.join(directory, LOCK)):
        with CollectionStore.open(directory) as store:
            used = len(store) > 0
        if used or os.listdir(os.path.join(directory, GENERATED)):
            return False
        _delete(directory)
    return True


def _delete(directory: str) -> None:
    """What makes it a collection goes first, so that a kill leaves what the next one takes over."""
    whole = (MARK, catalogs.FILE, f"{catalogs.FILE}.wal", siblings.FILE)
    begun = [name for name in os.listdir(directory) if is_leftover(name)]
    for name in (*whole, *begun):
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, name))
    for folder in own_folders():
        shutil.rmtree(os.path.join(directory, folder), ignore_errors=True)
    os.unlink(os.path.join(directory, LOCK))
