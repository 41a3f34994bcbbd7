"""What a disk may hold after a power cut, from a recording of what was asked of it.

A disk owes only what was synced. Of what was written since a file's last sync, each page holds any
of the contents it has had since then, or at each sector a different one of two; the size is any it
has had. Names follow their folder's sync: of those changed since, either a beginning took effect
(file systems that journal names in order) or any choice of them (a file system as the standard lets
it be). A rename is atomic.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.faults.recording import Event, What

PAGE = 4096
SECTOR = 512
_NAMES = (What.CREATED, What.RENAMED, What.UNLINKED, What.MADE, What.REMOVED, What.LINKED)


@dataclass(slots=True)
class _File:
    """What of a file is safe, and what has been asked since."""

    safe: bytearray = field(default_factory=bytearray)
    pending: list[Event] = field(default_factory=list)

    def sync(self) -> None:
        for event in self.pending:
            apply(self.safe, event)
        self.pending.clear()


class Disk:
    """A disk that has been asked for a growing part of a recording.

    Args:
        before: file -> content of what was there before; all of it safe.
        names: path -> file, or ``None`` for a folder, of what was there before.
        folders: path of a folder -> its number as a file.
    """

    def __init__(
        self,
        before: dict[int, bytes],
        names: dict[str, int | None],
        folders: dict[str, int],
    ) -> None:
        self._files = {file: _File(bytearray(data)) for file, data in before.items()}
        self._names = dict(names)
        self._numbers = {number: path for path, number in folders.items()}
        self._pending: list[Event] = []

    @classmethod
    def of(cls, folder: Path) -> Disk:
        """A disk that holds what is below a folder now."""
        before, folders = {}, {}
        names: dict[str, int | None] = {}
        for path in sorted(folder.rglob("*")) if folder.exists() else ():
            name, number = str(path.relative_to(folder)), path.stat().st_ino
            names[name] = None if path.is_dir() else number
            if path.is_dir():
                folders[name] = number
            else:
                before[number] = path.read_bytes()
        if folder.exists():
            folders["."] = folder.stat().st_ino
        return cls(before, names, folders)

    def ask(self, event: Event) -> None:
        """Take one more event of the recording."""
        if event.what == What.SYNCED:
            if event.file in self._numbers:
                self._sync_folder(self._numbers[event.file])
            elif event.file in self._files:
                self._files[event.file].sync()
        elif event.what in _NAMES:
            self._pending.append(event)
            if event.what == What.CREATED:
                self._files[event.file] = _File()  # the number may have been another file's
            elif event.what == What.MADE:
                self._numbers[event.file] = event.path
            elif event.what == What.RENAMED:
                self._numbers = {
                    number: _moved(path, event) for number, path in self._numbers.items()
                }
        elif event.what in (What.WROTE, What.TRUNCATED):
            self._files.setdefault(event.file, _File()).pending.append(event)
        elif event.what == What.UNSEEN:
            raise AssertionError("a file was written through a mapping, which nobody can follow")

    def settle(self, folder: Path) -> None:
        """Write what the disk holds once all has reached it."""
        names = dict(self._names)
        for event in self._pending:
            _rename(names, event)
        contents = {file: bytearray(held.safe) for file, held in self._files.items()}
        for file, held in self._files.items():
            for event in held.pending:
                apply(contents[file], event)
        _write(folder, names, {file: bytes(data) for file, data in contents.items()})

    def cut(self, folder: Path, rng: np.random.Generator, *, ordered: bool) -> None:
        """Write what the disk may hold if the power is cut now."""
        names = dict(self._names)
        for event in _survivors(self._pending, rng, ordered=ordered):
            _rename(names, event)
        held = {file for file in names.values() if file is not None}
        contents = {
            file: _torn(self._files[file], rng) if file in self._files else b"" for file in held
        }
        _write(folder, names, contents)

    def _sync_folder(self, folder: str) -> None:
        """Make the names of one folder safe, and in order what they follow from."""
        kept = []
        for event in self._pending:
            places = {os.path.dirname(p) or "." for p in (event.path, event.other) if p}
            if folder in places:
                _rename(self._names, event)
            else:
                kept.append(event)
        self._pending = kept


def apply(content: bytearray, event: Event) -> None:
    """Do to a file's content what was asked."""
    if event.what == What.TRUNCATED:
        del content[event.offset :]
        content.extend(bytes(event.offset - len(content)))
    else:
        end = event.offset + len(event.data)
        content.extend(bytes(max(0, end - len(content))))
        content[event.offset : end] = event.data


def _survivors(
    pending: Sequence[Event], rng: np.random.Generator, *, ordered: bool
) -> Sequence[Event]:
    if ordered:
        return pending[: int(rng.integers(len(pending) + 1))]
    return [event for event in pending if rng.random() < 0.5]


def _torn(file: _File, rng: np.random.Generator) -> bytes:
    """A content that the disk may hold: each page, and the size, of any moment since the sync."""
    if not file.pending:
        return bytes(file.safe)
    if rng.random() < 0.2:  # all or nothing of it, which is what happens most
        content = bytearray(file.safe)
        for event in file.pending if rng.random() < 0.5 else ():
            apply(content, event)
        return bytes(content)
    versions = _page_versions(file)
    sizes = _sizes(file)
    size = sizes[rng.integers(len(sizes))]
    result = bytearray(file.safe[:size])
    result.extend(bytes(size - len(result)))
    for page, contents in versions.items():
        one, other = (contents[rng.integers(len(contents))] for _ in range(2))
        if rng.random() < 0.3:
            one = b"".join(
                (one if rng.random() < 0.5 else other)[at : at + SECTOR]
                for at in range(0, PAGE, SECTOR)
            )
        room = max(0, min(PAGE, size - page * PAGE))
        result[page * PAGE : page * PAGE + room] = one[:room]
    return bytes(result)


def _sizes(file: _File) -> list[int]:
    sizes = [len(file.safe)]
    for event in file.pending:
        end = event.offset + len(event.data)
        sizes.append(event.offset if event.what == What.TRUNCATED else max(sizes[-1], end))
    return sizes


def _page_versions(file: _File) -> dict[int, list[bytes]]:
    """Every content that each changed page has had since the sync, the synced one first."""
    content = bytearray(file.safe)
    versions: dict[int, list[bytes]] = {}
    for event in file.pending:
        before = len(content)
        if event.what == What.TRUNCATED:
            low, high = sorted((event.offset, before))
        else:
            low, high = min(event.offset, before), event.offset + len(event.data)
        touched = range(low // PAGE, -(-high // PAGE))
        for page in touched:
            versions.setdefault(page, [_page(content, page)])
        apply(content, event)
        for page in touched:
            versions[page].append(_page(content, page))
    return versions


def _page(content: bytearray, page: int) -> bytes:
    return bytes(content[page * PAGE : (page + 1) * PAGE]).ljust(PAGE, b"\0")


def _moved(path: str, event: Event) -> str:
    if path == event.path or path.startswith(event.path + os.sep):
        return event.other + path[len(event.path) :]
    return path


def _rename(names: dict[str, int | None], event: Event) -> None:
    """Let a change of names take effect, as far as what it follows from has."""
    path, other = event.path, event.other
    if event.what == What.CREATED:
        names[path] = event.file
    elif event.what == What.MADE:
        names[path] = None
    elif event.what == What.LINKED:
        names[other] = event.file
    elif event.what in (What.UNLINKED, What.REMOVED):
        names.pop(path, None)
    else:
        moving = [name for name in names if name == path or name.startswith(path + os.sep)]
        if moving and path.startswith(("..", os.sep)) is False:
            for name in [n for n in names if n == other or n.startswith(other + os.sep)]:
                del names[name]
            names.update({_moved(name, event): names.pop(name) for name in moving})


def _write(folder: Path, names: dict[str, int | None], contents: dict[int, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in sorted(names.items()):
        path = folder / name
        if name == ".":
            continue
        if not all(parent in names for parent in _parents(name)):
            continue  # its folder was lost
        if file is None:
            path.mkdir(exist_ok=True)
        elif path.parent.is_dir():
            path.write_bytes(contents[file])


def _parents(name: str) -> list[str]:
    parts = name.split(os.sep)
    return [os.sep.join(parts[:count]) for count in range(1, len(parts))]
