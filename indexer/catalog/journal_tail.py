"""The journal read on from where a reader is, so that what is new costs what is new."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from vitrail.indexer.catalog.journal_file import VERSION, file_name, is_journal_file
from vitrail.indexer.catalog.journal_lines import Line, read_line
from vitrail.indexer.files.reading import arrived

_END = 1 << 16  # bytes of a file's end, in which its last record's last line is looked for
_MOST = 64 << 20  # bytes that are read on at once; more is no small change


@dataclass(frozen=True, slots=True)
class Place:
    """Where the journal goes on after a commit.

    Attributes:
        after: the commit that the file's first record follows, which is its name.
        offset: of the byte after the commit's record.
        seq: the commit.
    """

    after: int
    offset: int
    seq: int


class UntoldError(Exception):
    """The journal, as it can be read now, does not tell what changed since a commit."""


def place_after(folder: str, seq: int) -> Place | None:
    """Where the journal goes on after a commit, if that is at its end.

    Args:
        folder: the collection's ``journal`` folder.
        seq: the commit, the last one that the catalog has.

    Returns:
        ``None`` where there is no such record in the newest file, or it cannot be read now.
    """
    try:
        names = [name for name in os.listdir(folder) if is_journal_file(name)]
        return _place_in(os.path.join(folder, max(names)), seq) if names else None
    except OSError:
        return None


def _place_in(path: str, seq: int) -> Place | None:
    """As ``place_after``, in a file, which is read from its end on."""
    size, part = os.path.getsize(path), _END
    while True:
        end, found = max(0, size - part), None
        for raw in _read(path, end).splitlines(keepends=True):
            end += len(raw)
            line = read_line(raw, end)
            if line is not None and line.whole and line.seq == seq:
                found = Place(_after(path), end, seq)
        if found is not None or part >= size:
            return found
        part *= 8  # a line has thousands of rows


def read_on(folder: str, place: Place, upto: int) -> tuple[list[dict[str, Any]], Place]:
    """What the records after a place say, up to a commit, line by line; and the place after it.

    Whoever asks holds the catalog, so that no writer is at its record.

    Args:
        folder: the collection's ``journal`` folder.
        place: where to begin.
        upto: the last commit, which is in the catalog.

    Raises:
        UntoldError: there are not just these records, whole, one after the other; or they cannot
            be read now.
    """
    told: list[dict[str, Any]] = []
    while place.seq < upto:
        # After a copy of the tables, or damage, records go on in another file; the former may go.
        if os.path.exists(os.path.join(folder, file_name(place.seq))) and place.after < place.seq:
            place = _next_file(folder, place.seq)
        before, (lines, place) = place.seq, _file_on(folder, place, upto)
        if place.seq == before:
            raise UntoldError(f"there is no record of commit {before + 1}")
        told += lines
    return told, place


def _file_on(folder: str, place: Place, upto: int) -> tuple[list[dict[str, Any]], Place]:
    """As ``read_on``, from the one file."""
    told: list[dict[str, Any]] = []
    seq, end, within = place.seq, place.offset, False
    for raw in _new_bytes(os.path.join(folder, file_name(place.after)), end).split(b"\n")[:-1]:
        line = read_line(raw + b"\n", end + len(raw) + 1)
        if line is None or line.seq != seq + 1:
            raise UntoldError(f"a line at {end} of {file_name(place.after)}")
        told.append(json.loads(line.text))
        end, within = line.end, not line.whole
        seq += line.whole
        if seq == upto:
            break
    if within:
        raise UntoldError(f"the record of commit {seq + 1} is not whole")
    return told, Place(place.after, end, seq)


def _next_file(folder: str, seq: int) -> Place:
    """The beginning of the file whose records follow a commit."""
    data = _new_bytes(os.path.join(folder, file_name(seq)), 0)
    end = data.find(b"\n") + 1
    line = read_line(data[:end], end)
    if line is None or not _is_head(line, seq):
        raise UntoldError(f"{file_name(seq)} does not begin as a journal file")
    return Place(seq, end, seq)


def _is_head(line: Line, seq: int) -> bool:
    return line.whole and line.seq == seq and json.loads(line.text).get("journal") == VERSION


def _new_bytes(path: str, offset: int) -> bytes:
    try:
        more = os.path.getsize(path) - offset
        if not 0 <= more <= _MOST:
            raise UntoldError(f"{more} bytes of {path} are new")
        return _read(path, offset)
    except OSError as error:
        raise UntoldError(str(error)) from error


def _read(path: str, offset: int) -> bytes:
    with open(path, "rb", buffering=0) as file:
        file.seek(offset)
        parts = []
        while part := arrived(file.read(1 << 20)):
            parts.append(part)
    return b"".join(parts)


def _after(path: str) -> int:
    return int(os.path.basename(path).partition(".")[0])
