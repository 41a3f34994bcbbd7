"""Whether all that a rebuilt catalog comes from is there to be read."""

from __future__ import annotations

import os

from vitrail.indexer.catalog import journal, table_copies
from vitrail.indexer.errors import DamagedError
from vitrail.indexer.files.reading import read_bytes, reading
from vitrail.indexer.segments import segment_file
from vitrail.indexer.segments.parquet import read_footer
from vitrail.indexer.vectors import indexes
from vitrail.indexer.vectors.index_file import read_contents

_COPIES = (table_copies.FOLDER, journal.FOLDER)


def check_copies(directory: str) -> None:
    """Read the copies of what no segment holds, so that none is taken for missing or damaged.

    Raises:
        UnreadableError: one cannot be read now.
    """
    for name in _COPIES:
        top = os.path.join(directory, name)
        if os.path.lexists(top):
            with reading(top):
                for folder, _, names in os.walk(top, onerror=_refuse):
                    for name in names:
                        read_bytes(os.path.join(folder, name))


def check_segments_there(directory: str) -> None:
    """Refuse to rebuild from no segment at all where there have been some.

    Raises:
        UnreadableError: so it is.
    """
    folder = os.path.join(directory, segment_file.FOLDER)
    if not segment_file.found(folder) and _had_segments(directory):
        raise segment_file.away(folder)


def _refuse(error: OSError) -> None:
    raise error


def _had_segments(directory: str) -> bool:
    tables = table_copies.newest(os.path.join(directory, table_copies.FOLDER))
    if tables is not None:
        with open(tables.files["segments"], "rb") as handle:
            if read_footer(handle).rows:
                return True
    return any(_rows(path) for path in _index_files(os.path.join(directory, indexes.FOLDER)))


def _index_files(folder: str) -> list[str]:
    if not os.path.isdir(folder):
        return []
    with reading(folder):
        return [e.path for e in os.scandir(folder) if indexes.is_index_file(e.name)]


def _rows(path: str) -> int:
    try:
        return int(read_contents(path).header["meta"]["rows"])
    except (DamagedError, KeyError, TypeError, ValueError):
        return 0
