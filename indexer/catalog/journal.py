"""The journal: what no segment holds, written down and synced before the catalog's commit.

Every commit leaves one record of the rows that it changed. DuckDB rewrites a live page of its file
at every commit, so that a power cut can make all of it unreadable; from the newest copies, the
records after it and the segments the catalog then comes back as it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from vitrail.indexer.catalog.journal_file import (
    Extent,
    JournalFile,
    encode,
    file_name,
    is_journal_file,
    last_whole,
    measure,
    read_changes,
)
from vitrail.indexer.catalog.strays import find_foreign, find_strays
from vitrail.indexer.errors import DamagedError
from vitrail.indexer.files.durability import make_directory, set_aside, sync_directory

FOLDER = "journal"
# What a row is found again by. New images and their predictions are in a segment of the commit;
# what is read or predicted of them later is not.
KEYS = {
    "commits": ("seq",),
    "files": ("path", "path_raw"),
    "rejects": ("path", "path_raw"),
    "roots": ("path", "path_raw"),
    "deletions": ("image_id",),
    "revivals": ("image_id",),
    "segments": ("name",),
    "reservations": ("token",),
    "derived_spaces": ("name",),
    "default_weights": ("space",),
    "decisions": ("token",),
    "annotations": ("content_hash",),
    "images": ("id",),
    "predictions": ("image_id",),
}
LINE_ROWS = 4096  # a larger change takes several lines


class Record:
    """The record of one commit, being written; nothing of it counts until ``seal``.

    Args:
        file: where it goes.
        seq: number of the commit.
    """

    def __init__(self, file: JournalFile, seq: int) -> None:
        self._file = file
        self._seq = seq
        self._changes: list[dict[str, Any]] = []
        self._new: set[int] = set()

    def note_appended(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Note new rows of any table, as far as no segment holds them.

        Raises:
            OSError: the disk is full or refuses.
        """
        if table == "images":
            self._new.update(columns["id"])
        elif table == "predictions":
            later = [i for i, one in enumerate(columns["image_id"]) if one not in self._new]
            if later:
                kept = {name: [values[i] for i in later] for name, values in columns.items()}
                self.note(table, "append", kept)
        elif table in KEYS:
            self.note(table, "append", columns)

    def note(self, table: str, do: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Note rows of a table.

        Args:
            table: one of ``KEYS``.
            do: ``append``; ``put``, in place of those with the same keys; or ``drop``, by keys.
            columns: the rows' values by column.

        Raises:
            OSError: the disk is full or refuses.
        """
        count = len(next(iter(columns.values())))
        for first in range(0, count, LINE_ROWS):
            rows = {
                name: _plain(values[first : first + LINE_ROWS]) for name, values in columns.items()
            }
            self._changes.append({"table": table, "do": do, "columns": rows})
            if count > LINE_ROWS:
                self._end_line()

    def note_columns(self, table: str, types: Mapping[str, str]) -> None:
        """Note that a table has these columns from here on, with their SQL types."""
        self._changes.append({"table": table, "do": "shape", "columns": dict(types)})

    def seal(self) -> None:
        """Make the record count: it is on the disk when this returns.

        Raises:
            OSError: the disk is full or refuses; nothing of the record counts then.
        """
        self._file.append(encode(self._seq, {"changes": self._changes}, whole=True))
        self._file.seal(self._seq)

    def abandon(self) -> None:
        """Take back what was written of it, sealed or not."""
        self._file.take_back(self._seq)

    def _end_line(self) -> None:
        self._file.append(encode(self._seq, {"changes": self._changes}, whole=False))
        self._changes = []


def _plain(values: Sequence[Any]) -> Any:
    """Values as JSON has them; one that all rows share is said once."""
    plain = [_text(value) if isinstance(value, bytes | datetime) else value for value in values]
    if len(plain) > 1 and all(value == plain[0] for value in plain):
        return {"rows": len(plain), "all": plain[0]}
    return plain


def _text(value: bytes | datetime) -> str:
    return value.hex() if isinstance(value, bytes) else value.isoformat(" ")


def behind(directory: str, seq: int, known: int) -> DamagedError:
    """The refusal of a catalog that is older than its journal, such as one that was copied back."""
    return DamagedError(
        f"the catalog in {directory} ends at commit {seq}, but its journal goes on to commit "
        f"{known}",
        remedy="run `vitrail verify --repair`",
    )


class Journal:
    """The journal's folder, written by the one writer and read by whoever repairs.

    Args:
        folder: the collection's ``journal`` folder.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._file: JournalFile | None = None

    def extents(self) -> list[Extent]:
        """How much of each file can be used, in order.

        Raises:
            OSError: one cannot be read now.
            NewerFormatError: a newer version wrote it.
        """
        return [measure(os.path.join(self.folder, name)) for name in sorted(self._names())]

    def size(self, after: int) -> int:
        """Bytes of the files that begin with commit ``after`` or later."""
        if not os.path.isdir(self.folder):
            return 0
        ours = (entry for entry in os.scandir(self.folder) if is_journal_file(entry.name))
        return sum(entry.stat().st_size for entry in ours if entry.name >= file_name(after))

    def follows(self, after: int, upto: int) -> bool:
        """Whether all that was committed after ``after`` and up to ``upto`` can be done again."""
        return self.reaches(after) >= upto and any(
            extent.after <= after <= extent.seq for extent in self.extents()
        )

    def reaches(self, after: int) -> int:
        """The last commit up to which records follow commit ``after`` without a gap.

        Raises:
            OSError: a file cannot be read now.
            NewerFormatError: a newer version wrote it.
        """
        return max((upto for _, upto in self._parts(after)), default=after)

    def changes(self, after: int) -> Iterator[dict[str, Any]]:
        """What the records say that follow commit ``after`` without a gap, line by line.

        Raises:
            OSError: a file cannot be read now.
            NewerFormatError: a newer version wrote it.
        """
        for extent, upto in self._parts(after):
            yield from read_changes(self._path(extent.after), after, upto)
            after = upto

    def strays(self, seq: int, at: datetime | None) -> list[str]:
        """Names of files that tell of commits which the collection never had.

        Args:
            seq: the catalog's last commit.
            at: when that was; ``None`` where no record can tell.

        Raises:
            OSError: a file cannot be read now.
            NewerFormatError: a newer version wrote one.
            UnreadableError: a segment, which may tell more, cannot be read now.
        """
        foreign = find_foreign(self.folder, self._names(), seq, at)
        if foreign or max(self._names(), default="") <= file_name(seq):
            return foreign  # which is all that is looked at where there are none
        return [extent.name for extent in find_strays(self.folder, self.extents(), seq)]

    def known(self, seq: int) -> int:
        """The last commit that it tells of, strays left out; 0 without any.

        Args:
            seq: the catalog's last commit.

        Raises:
            OSError, NewerFormatError, UnreadableError: as ``strays``.
        """
        extents = self.extents()
        if max((extent.seq for extent in extents), default=0) > seq + 1:
            strays = find_strays(self.folder, extents, seq)
            extents = [extent for extent in extents if extent not in strays]
        return max((extent.seq for extent in extents), default=0)

    def pending(self, seq: int, at: datetime | None) -> list[dict[str, Any]]:
        """What the record of commit ``seq + 1`` says; nothing where there is no such record.

        Whoever asks holds the catalog, which ends at commit ``seq``, so that no writer is between
        its record and its commit. Reads little more than the end of the newest file.

        Args:
            seq: the catalog's last commit.
            at: when that was; ``None`` where no record can tell.

        Raises:
            OSError: a file cannot be read now.
            NewerFormatError: a newer version wrote it.
            DamagedError: the journal knows of later commits.
        """
        ours = max(self._names(), default=None)
        known = 0 if ours is None else last_whole(os.path.join(self.folder, ours))
        if known > seq and find_foreign(self.folder, self._names(), seq, at):
            return []
        if known > seq + 1:
            known = self.known(seq)
        if known > seq + 1:
            raise behind(os.path.dirname(self.folder), seq, known)
        if known <= seq or self.reaches(seq) <= seq:
            return []
        return list(self.changes(seq))

    def begin(self, seq: int) -> Record:
        """Begin the record of commit ``seq``, which the catalog says is the next.

        A record that has this number already is of a commit that never happened: it goes first.

        Raises:
            OSError: the disk refuses.
            DamagedError: the journal knows of commits that the catalog does not have.
        """
        if self._file is None or self._file.seq != seq - 1:
            self.close()
            self._file = self._open(seq)
        return Record(self._file, seq)

    def start(self) -> None:
        """Begin the journal of a new collection, whatever an unfinished creation has left.

        Raises:
            OSError: the disk is full or refuses.
        """
        for extent in self.extents():
            os.unlink(self._path(extent.after))
        self._create(0).close()

    def cut(self, seq: int, kept: int) -> None:
        """Go on in a new file after tables were copied; files that only older copies needed go.

        Args:
            seq: number of the commit that the copies hold.
            kept: the same of the oldest copies that are kept.

        Raises:
            OSError: the disk refuses.
        """
        self.close()
        if not os.path.exists(self._path(seq)):
            self._create(seq).close()
        extents = self.extents()
        needless = [a for a, b in pairwise(extents) if b.after <= kept]
        for extent in needless:
            os.unlink(self._path(extent.after))
        if needless:
            sync_directory(self.folder)

    def close(self) -> None:
        """Give the open file back."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _names(self) -> list[str]:
        names = os.listdir(self.folder) if os.path.isdir(self.folder) else []
        return [name for name in names if is_journal_file(name)]

    def _parts(self, after: int) -> Iterator[tuple[Extent, int]]:
        """Files whose records follow ``after`` without a gap, and up to which commit they count."""
        extents = self.extents()
        for number, extent in enumerate(extents):
            upto = min([extent.seq, *(other.after for other in extents[number + 1 :])])
            if extent.after <= after < upto:
                yield extent, upto
                after = upto

    def _open(self, seq: int) -> JournalFile:
        """The file that the record of commit ``seq`` goes to."""
        extents = self.extents()
        if extents and (extents[-1].seq > seq or extents[-1].after >= seq):
            raise DamagedError(
                f"the catalog ends at commit {seq - 1}, but the journal in {self.folder} knows "
                f"commit {extents[-1].seq}",
                remedy="run `vitrail verify --repair`",
            )
        if not extents or extents[-1].damaged or extents[-1].seq < seq - 1:
            return self._create(seq - 1)
        return JournalFile.open(self._path(extents[-1].after), extents[-1], seq - 1)

    def _create(self, after: int) -> JournalFile:
        path = self._path(after)
        make_directory(self.folder)
        if os.path.lexists(path):
            set_aside(path)
        return JournalFile.create(path, after)

    def _path(self, after: int) -> str:
        return os.path.join(self.folder, file_name(after))
