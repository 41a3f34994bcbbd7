"""Files in the journal's folder that tell of commits which the collection never had."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from vitrail.indexer.catalog import table_copies
from vitrail.indexer.catalog.journal_file import Extent, commit_time, file_name
from vitrail.indexer.errors import DamagedError
from vitrail.indexer.segments import segment_file


def find_strays(folder: str, extents: Sequence[Extent], seq: int) -> list[Extent]:
    """Files that follow nothing that there is, as where they were copied from elsewhere.

    Where anything else tells of commits after the catalog's, the catalog is older than it should
    be, and the files are the collection's.

    Args:
        folder: the collection's ``journal`` folder.
        extents: of all its files, in order.
        seq: the catalog's last commit.

    Raises:
        UnreadableError: a segment cannot be read now.
    """
    reached = seq
    for extent in extents:
        if extent.after <= reached:
            reached = max(reached, extent.seq)
    strays = [extent for extent in extents if extent.after > reached]
    return [] if not strays or _is_older(os.path.dirname(folder), seq) else strays


def find_foreign(folder: str, names: Iterable[str], seq: int, at: datetime | None) -> list[str]:
    """Files of a copy of the collection that went on apart, where commits have the same numbers.

    Their record of the catalog's last commit tells of another one; so does what follows it.

    Args:
        folder: the collection's ``journal`` folder.
        names: of its files.
        seq: the catalog's last commit.
        at: when that was; ``None`` where no record can tell.

    Raises:
        OSError: a file cannot be read now.
    """
    ordered = sorted(names)
    before = [name for name in ordered if name < file_name(seq)]
    if at is None or not before:
        return []
    told = commit_time(os.path.join(folder, before[-1]), seq)
    return [] if told in (None, at) else ordered[len(before) - 1 :]


def _is_older(directory: str, seq: int) -> bool:
    """Whether copies of the tables or a segment are of a commit that the catalog does not have."""
    if table_copies.newest_seq(os.path.join(directory, table_copies.FOLDER)) > seq:
        return True
    folder = os.path.join(directory, segment_file.FOLDER)
    for name in segment_file.found(folder):
        with suppress(DamagedError, FileNotFoundError):
            # That of the next commit is written before the commit is.
            if segment_file.read_header(os.path.join(folder, name)).seq > seq + 1:
                return True
    return False
