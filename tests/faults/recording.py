"""What a process did to the files below one folder, as ``shim.c`` wrote it down."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from pathlib import Path


class What(IntEnum):
    """A change that took effect, or a promise."""

    CREATED = 1
    WROTE = 2
    TRUNCATED = 3
    RENAMED = 4
    UNLINKED = 5
    MADE = 6
    REMOVED = 7
    LINKED = 8
    SYNCED = 9
    MARKED = 10
    UNSEEN = 11  # a way of writing that the shim cannot follow


class Calls(IntFlag):
    """Kinds of calls that can be made to fail."""

    OPEN = 1
    READ = 2
    WRITE = 4
    TRUNCATE = 8
    NAME = 16
    SYNC = 32
    CHANGES = WRITE | TRUNCATE | NAME | SYNC
    ALL = OPEN | READ | CHANGES


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the recording.

    Attributes:
        what: what happened.
        file: which file it was about, whatever its name; the number of a promise.
        offset: where was written, or the new size.
        data: what was written.
        path: of the file or folder that was named, below the folder.
        other: the new name.
    """

    what: What
    file: int
    offset: int
    data: bytes
    path: str
    other: str


_FIRST = 1 << 64  # no file system gives such numbers
_HEAD = struct.Struct("<6Q")


def read_recording(path: Path, folder: Path) -> list[Event]:
    """All events of a recording of what happened below a folder.

    Every file that was created has a number of its own, unlike in the file system, which gives the
    number of a deleted one again.
    """
    log = path.read_bytes()
    events: list[Event] = []
    numbers: dict[int, int] = {}
    place = 0
    while place < len(log):
        what, file, offset, size, *lengths = _HEAD.unpack_from(log, place)
        place += _HEAD.size
        names = []
        for length in lengths:
            name = os.fsdecode(log[place : place + length])
            names.append(os.path.relpath(name, folder) if length else "")
            place += length
        if what in (What.CREATED, What.MADE):
            numbers[file] = _FIRST + len(numbers) + len(events)
        if what != What.MARKED:
            file = numbers.get(file, file)
        events.append(Event(What(what), file, offset, log[place : place + size], *names))
        place += size
    return events
