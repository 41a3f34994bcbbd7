"""One file of the journal: checksummed lines, of which a crash can tear only the last record.

A file's name is the number of the commit that its first record follows, and the numbers go on
without gaps.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vitrail.indexer.catalog.journal_lines import Line, encode, read_endings, read_lines
from vitrail.indexer.errors import NewerFormatError
from vitrail.indexer.files.durability import sync_directory

SUFFIX = ".journal"
VERSION = 1
_NAME = re.compile(r"[0-9]{16}\.journal")
_FLAGS = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a journal file can be used.

    Attributes:
        after: the commit that its first record follows.
        seq: the last commit whose record is whole; ``after`` when none is.
        start: offset of that record.
        end: offset of the byte after it.
        torn: whether something follows that is no whole record.
        damaged: whether more was written, and synced, than can be read; no crash explains that.
    """

    after: int
    seq: int
    start: int
    end: int
    torn: bool
    damaged: bool

    @property
    def name(self) -> str:
        """Name of the file."""
        return file_name(self.after)


def is_journal_file(name: str) -> bool:
    """Whether a file of the journal's folder is a part of the journal."""
    return _NAME.fullmatch(name) is not None


def file_name(after: int) -> str:
    """Name of the file whose first record follows a commit."""
    return f"{after:016d}{SUFFIX}"


def measure(path: str) -> Extent:
    """How far a file can be used.

    Raises:
        OSError: it cannot be read now.
        NewerFormatError: a newer version wrote it.
    """
    after = int(os.path.basename(path).removesuffix(SUFFIX))
    seq, start, end = after - 1, 0, 0  # the first line counts as the record of the commit before
    broken = torn = damaged = False
    for line in read_lines(path):
        torn = True
        if line is None:
            broken = True
        elif broken and line.seq <= max(seq, after) + 1:
            continue  # the rest of the record that a crash tore
        elif broken or line.seq != seq + 1:
            # A record is begun when the one before is synced: a later one proves that it was.
            damaged = True
            break
        elif line.whole:
            if line.seq == after:
                _check_version(path, line)
            seq, start, end, torn = line.seq, end, line.end, False
    return Extent(after, max(seq, after), start, end, torn, damaged)


def last_whole(path: str) -> int:
    """The commit of the last line that completes a record; the one that the file follows if none.

    Reads the file from its end, so that it costs little however long the file is.

    Raises:
        OSError: it cannot be read now.
    """
    for lines in read_endings(path):
        found = [line.seq for line in lines if line.whole]
        if found:
            return found[-1]
    return int(os.path.basename(path).removesuffix(SUFFIX))


def commit_time(path: str, seq: int) -> datetime | None:
    """When a commit was, as its record says; ``None`` where none does. Read from the end on.

    Raises:
        OSError: the file cannot be read now.
    """
    for lines in read_endings(path):
        own = [json.loads(line.text) for line in lines if line.seq == seq]
        for change in (change for content in own for change in content.get("changes", ())):
            if change["table"] == "commits":
                return datetime.fromisoformat(change["columns"]["at"][0])
        if lines and lines[0].seq < seq:
            break
    return None


def read_changes(path: str, after: int, upto: int) -> Iterator[dict[str, Any]]:
    """What the lines of commits above ``after`` and up to ``upto`` say.

    Raises:
        OSError: it cannot be read now.
    """
    for line in read_lines(path):
        if line is not None and after < line.seq <= upto:
            yield json.loads(line.text)


class JournalFile:
    """A journal file that the writer appends to.

    Args:
        path: the file.
        handle: it, open for writing.
        seq: the last commit whose record is whole.
        end: offset of the byte after that record.
    """

    def __init__(self, path: str, handle: int, seq: int, end: int) -> None:
        self.path = path
        self.seq = seq
        self._handle = handle
        self._begin = self._end = self._position = end

    @classmethod
    def create(cls, path: str, after: int) -> JournalFile:
        """Begin a new file whose records follow commit ``after``; it is durable on return.

        Raises:
            OSError: the disk is full or refuses.
        """
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o666)
        made = cls(path, handle, after, 0)
        try:
            made.append(encode(after, {"journal": VERSION}, whole=True))
            made.seal(after)
            sync_directory(os.path.dirname(path))
        except BaseException:
            made.close()
            os.unlink(path)
            raise
        return made

    @classmethod
    def open(cls, path: str, extent: Extent, seq: int) -> JournalFile:
        """Go on with a file after commit ``seq``, the last or the last but one of its extent.

        Raises:
            OSError: the disk refuses.
        """
        handle = os.open(path, os.O_RDWR | _FLAGS)
        opened = cls(path, handle, seq, extent.end if extent.seq == seq else extent.start)
        try:
            if os.fstat(handle).st_size > opened._end:
                opened._truncate()
            os.lseek(handle, opened._end, os.SEEK_SET)
            if not opened._end:  # not even the first line was whole
                opened.append(encode(seq, {"journal": VERSION}, whole=True))
                opened.seal(seq)
        except BaseException:
            opened.close()
            raise
        return opened

    @property
    def size(self) -> int:
        """Bytes written to it."""
        return self._position

    def append(self, data: bytes) -> None:
        """Write a part of a record.

        Raises:
            OSError: the disk is full or refuses.
        """
        view = memoryview(data)
        while len(view):
            written = os.write(self._handle, view)
            self._position += written
            view = view[written:]

    def seal(self, seq: int) -> None:
        """Make all that was appended the record of commit ``seq``, durably.

        Raises:
            OSError: the disk refuses.
        """
        os.fsync(self._handle)
        self.seq, self._begin, self._end = seq, self._end, self._position

    def take_back(self, seq: int) -> None:
        """Undo what was appended of commit ``seq``'s record, as far as the disk lets us.

        What remains is no whole record, or one that ``Journal.begin`` finds and drops.
        """
        if self.seq == seq:  # sealed, and then the catalog refused the commit
            self.seq, self._end = seq - 1, self._begin
        if self._position > self._end:
            try:
                self._truncate()
            except OSError:
                self.seq = -1  # so that the next record begins by looking at what is there

    def close(self) -> None:
        """Give the handle back."""
        os.close(self._handle)

    def _truncate(self) -> None:
        """Durably, before anything else is written: the two must not change places."""
        os.ftruncate(self._handle, self._end)
        os.fsync(self._handle)
        os.lseek(self._handle, self._end, os.SEEK_SET)
        self._position = self._end


def _check_version(path: str, line: Line) -> None:
    version = json.loads(line.text)["journal"]
    if version > VERSION:
        raise NewerFormatError(
            f"{path} is a journal of version {version}, but this version of vitrail reads 1 to "
            f"{VERSION}; upgrade vitrail"
        )
