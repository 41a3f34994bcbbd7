"""Walking folders: which files are there, what else is, and what could not be looked at."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from typing import NamedTuple

from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images import formats
from vitrail.indexer.images.files import kind, modified_ns, read_head, rejection
from vitrail.indexer.indexing.globs import PathFilter, extension, has_image_extension, is_hidden
from vitrail.indexer.indexing.options import relative_to


class FoundFile(NamedTuple):
    """A regular file that a scan considers.

    Attributes:
        path: absolute, undecodable bytes as surrogate escapes.
        size: bytes.
        mtime_ns: modification time in nanoseconds.
    """

    path: str
    size: int
    mtime_ns: int


class Unreadable(NamedTuple):
    """A file or folder that could not be looked at; what is known below it is not thereby gone.

    Attributes:
        path: absolute, undecodable bytes as surrogate escapes.
        reason: one of ``vitrail.indexer.images.opening.REASONS``.
        detail: one line for people.
    """

    path: str
    reason: str
    detail: str


class _Folder(NamedTuple):
    path: str
    relative: str  # to the folder that globs are relative to, "" or ending in a slash
    device: int
    linked: bool  # reached through a symbolic link to a folder
    above: frozenset[tuple[int, int]]  # (device, inode) of itself and the folders it is in


class Walk:
    """Finds the image files of one folder, or a single file, always in the same order.

    Considered are files with an image's extension, and those without any extension that are known
    or begin as an image does; with ``include``, just the files that it matches. Hidden names and
    ``globs.SKIPPED_FOLDERS`` are left out, below the start. A start that is a file is always
    considered. FIFOs, sockets and devices are reported and never opened.

    Symbolic links are followed. A folder is entered once by its own path and once through links,
    so that neither a loop nor a maze of links goes on for ever.

    With ``within``, links that lead out of those folders are reported, and what is behind them is
    neither entered nor opened.

    Args:
        start: absolute path of a folder or file.
        selection: which files are considered.
        base: the folder that its globs are relative to; by default the start.
        apart: folders below that are not entered.
        known: paths already in the collection.
        within: absolute folders, themselves without links; ``None`` to follow links anywhere.

    Attributes:
        other_kinds: after the walk, how many files are no images by their extension (lower case,
            empty where there is none), where no ``include`` says which are wanted.
        mounts: after the walk, folders that are on another disk than the folder they are in,
            relative to ``base``; ``""`` is the start itself.
    """

    def __init__(
        self,
        start: str,
        selection: PathFilter,
        *,
        base: str | None = None,
        apart: Container[str] = frozenset(),
        known: Container[str] = frozenset(),
        within: Iterable[str] | None = None,
    ) -> None:
        self._start, self._base = start, start if base is None else base
        self._selection, self._apart, self._known = selection, apart, known
        self._within = None if within is None else tuple(os.path.join(one, "") for one in within)
        self._entered: set[tuple[int, int, bool]] = set()
        self.other_kinds: Counter[str] = Counter()
        self.mounts: list[str] = []

    def __iter__(self) -> Iterator[FoundFile | Unreadable]:
        """Walk; each path comes once."""
        try:
            status = os.stat(self._start)
        except OSError as error:
            yield _unreadable(self._start, error)
            return
        if self._leads_out(self._start):
            yield _outside(self._start)
            return
        if not stat.S_ISDIR(status.st_mode):
            yield _as_item(self._start, status)
            return
        stack = [self._first(status)]
        while stack:
            folders: list[_Folder] = []
            yield from self._files(stack.pop(), folders)
            stack.extend(reversed(folders))

    def _first(self, status: os.stat_result) -> _Folder:
        identity = (status.st_dev, status.st_ino)
        self._entered.add((*identity, False))
        relative = relative_to(self._start, self._base)
        if is_mount(self._start):
            self.mounts.append(relative)
        inside = relative + "/" if relative else ""
        return _Folder(self._start, inside, status.st_dev, False, frozenset((identity,)))

    def _files(self, folder: _Folder, folders: list[_Folder]) -> Iterator[FoundFile | Unreadable]:
        """The files of one folder by name; the folders in it are put on the list."""
        try:
            with os.scandir(folder.path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield _unreadable(folder.path, error)
            return
        for entry in entries:
            if is_hidden(entry.name):
                continue
            item = self._look(entry, folder)
            if isinstance(item, _Folder):
                folders.append(item)
            elif item is not None:
                yield item

    def _look(
        self, entry: os.DirEntry[str], folder: _Folder
    ) -> FoundFile | Unreadable | _Folder | None:
        relative = folder.relative + entry.name
        try:
            if entry.is_dir():
                return self._enter(entry, relative, folder)
            if not self._selection.takes(relative):
                return None
            if entry.is_symlink() and self._leads_out(entry.path):  # not even begun to be read
                return _outside(entry.path) if self._is_called_image(entry) else None
            if not self._considers(entry):
                return None
            return _as_item(entry.path, entry.stat())
        except OSError as error:
            if error.errno == errno.ENOENT and not entry.is_symlink():
                return None  # deleted since the folder was listed
            return _unreadable(entry.path, error)

    def _leads_out(self, path: str) -> bool:
        """Whether a path lies outside of where links may lead."""
        if self._within is None:
            return False
        return not os.path.join(os.path.realpath(path), "").startswith(self._within)

    def _enter(
        self, entry: os.DirEntry[str], relative: str, folder: _Folder
    ) -> _Folder | Unreadable | None:
        if entry.path in self._apart or not self._selection.enters(relative):
            return None
        if entry.is_symlink() and self._leads_out(entry.path):
            return _outside(entry.path)
        linked = folder.linked or entry.is_symlink()
        status = entry.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in folder.above or (*identity, linked) in self._entered:
            return None
        self._entered.add((*identity, linked))
        if status.st_dev != folder.device:
            self.mounts.append(relative)
        above = folder.above | {identity}
        return _Folder(entry.path, relative + "/", status.st_dev, linked, above)

    def _is_called_image(self, entry: os.DirEntry[str]) -> bool:
        named = not self._selection.by_extension or has_image_extension(entry.name)
        return named or entry.path in self._known

    def _considers(self, entry: os.DirEntry[str]) -> bool:
        if not self._selection.by_extension or has_image_extension(entry.name):
            return True
        kind_of_name = extension(entry.name)
        if not kind_of_name:
            if entry.path in self._known:
                return True
            if formats.sniff(read_head(entry.path, formats.HEAD)) is not None:
                return True
        self.other_kinds[kind_of_name] += 1
        return False


def is_mount(folder: str) -> bool:
    """Whether a folder is on another disk than the folder that it is in."""
    try:
        return os.stat(folder).st_dev != os.stat(os.path.dirname(folder)).st_dev
    except OSError:
        return False


def _as_item(path: str, status: os.stat_result) -> FoundFile | Unreadable:
    if stat.S_ISREG(status.st_mode):
        return FoundFile(path, status.st_size, modified_ns(status))
    return Unreadable(path, "not-a-file", f"it is {kind(status.st_mode)}, and is not opened")


def _outside(path: str) -> Unreadable:
    detail = "a link out of the folder that is indexed, which is not followed here"
    return Unreadable(path, "outside", detail)


def _unreadable(path: str, error: OSError) -> Unreadable:
    reject: ImageRejectedError = rejection(error)
    if reject.reason == "missing":
        return Unreadable(path, "broken-link", "a symbolic link to a file that is not there")
    return Unreadable(path, reject.reason, reject.detail)
