"""Walking folders, and telling what is new, changed, moved, gone and unchanged."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from indexer.errors import ImageRejectedError, InputError
from indexer.images import formats
from indexer.images.files import kind, read_head, rejection
from indexer.indexing.globs import Globs, extension, has_image_extension, is_hidden
from indexer.paths import display
from indexer.records import KnownFile


class Found(NamedTuple):
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
        reason: one of ``indexer.images.opening.REASONS``.
        detail: one line for people.
    """

    path: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What a scan means for a collection.

    Attributes:
        unchanged: paths known with this size and time, rejected ones included.
        to_open: new and changed files.
        gone: known paths that the scan did not meet.
        unreadable: as the scan gave them.
    """

    unchanged: list[str] = field(default_factory=list)
    to_open: list[Found] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


class _Folder(NamedTuple):
    path: str
    relative: str  # to the root, "" or ending in a slash
    linked: bool  # reached through a symbolic link to a folder
    above: frozenset[tuple[int, int]]  # (device, inode) of itself and the folders it is in


def walk(
    roots: Sequence[str | os.PathLike[str]],
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    *,
    known: Container[str] = frozenset(),
) -> Iterator[Found | Unreadable]:
    """Find image files below the roots, always in the same order, each path once.

    Considered are files with an image's extension, and those without any extension that are in
    ``known`` or begin as an image does; with ``include``, just the files that it matches. Hidden
    names and ``globs.SKIPPED_FOLDERS`` are left out, below the roots. A root that is a file is
    always considered. FIFOs, sockets and devices are reported and never opened.

    Symbolic links are followed. A folder is entered once by its own path and once through links,
    so that neither a loop nor a maze of links goes on for ever.

    Args:
        roots: folders or files.
        include: globs of files to consider; see ``globs.Globs``.
        exclude: globs of files and folders to leave out; they go before ``include``.
        known: paths already in the collection.

    Raises:
        InputError: a root that does not exist, or a malformed glob; at the call, not later.
    """
    starts = list(dict.fromkeys(os.path.abspath(os.fspath(root)) for root in roots))
    for start in starts:
        if not os.path.lexists(start):
            raise InputError(
                f"{display(start)!r} does not exist: check the path, or that its disk is mounted; "
                "nothing was taken as gone"
            )
    return _Walk(Globs(include), Globs(exclude), known).run(starts)


def compare(found: Iterable[Found | Unreadable], known: Mapping[str, KnownFile]) -> Changes:
    """Tell what changed, from path, size and modification time alone; opens nothing.

    Args:
        found: what ``walk`` gave.
        known: what the collection knows of the scanned roots, and only of those.
    """
    changes = Changes()
    seen: set[str] = set()
    for item in found:
        if isinstance(item, Unreadable):
            changes.unreadable.append(item)
            continue
        seen.add(item.path)
        if is_unchanged(item, known.get(item.path)):
            changes.unchanged.append(item.path)
        else:
            changes.to_open.append(item)
    blind = {item.path for item in changes.unreadable if item.reason != "not-a-file"}
    changes.gone.extend(
        path for path in known if path not in seen and not (blind and _is_within(path, blind))
    )
    return changes


def is_unchanged(found: Found, known: KnownFile | None) -> bool:
    """Whether a file need not be opened again."""
    return known is not None and (found.size, found.mtime_ns) == (known.size, known.mtime_ns)


def still_there(paths: Iterable[str]) -> set[str]:
    """Those of the paths that are on the disk after all, or may be.

    A file that a scan did not meet may only have been left out by its globs; only one that the
    operating system says is not there has gone.
    """
    return {path for path in paths if _may_exist(path)}


def moves(
    opened: Mapping[str, str], gone: Iterable[str], known: Mapping[str, KnownFile]
) -> dict[str, str]:
    """New path -> old path of files whose content was known at a path that is gone.

    Args:
        opened: path -> sha256 (hex) of the files that were opened.
        gone: known paths that are no longer there.
        known: what the collection knew before.
    """
    left: dict[str, list[str]] = {}
    for path in sorted(gone, reverse=True):
        content = known[path].content_hash
        if content is not None:
            left.setdefault(content, []).append(path)
    return {
        path: left[content].pop() for path, content in sorted(opened.items()) if left.get(content)
    }


def _is_within(path: str, folders: set[str]) -> bool:
    while path not in folders:
        parent = os.path.dirname(path)
        if parent == path:
            return False
        path = parent
    return True


def _may_exist(path: str) -> bool:
    try:
        os.stat(path)
    except OSError as error:
        return error.errno not in (errno.ENOENT, errno.ENOTDIR)
    return True


class _Walk:
    """One walk; its state is what was entered and, where roots overlap, what was given."""

    def __init__(self, include: Globs, exclude: Globs, known: Container[str]) -> None:
        self._include, self._exclude, self._known = include, exclude, known
        self._entered: set[tuple[int, int, bool]] = set()

    def run(self, starts: list[str]) -> Iterator[Found | Unreadable]:
        overlapping = any(_is_within(os.path.dirname(one), set(starts)) for one in starts)
        given: set[str] = set()
        for start in starts:
            self._entered.clear()  # a second root through a link has paths of its own
            for item in self._start(start):
                if overlapping:
                    if item.path in given:
                        continue
                    given.add(item.path)
                yield item

    def _start(self, start: str) -> Iterator[Found | Unreadable]:
        try:
            status = os.stat(start)
        except OSError as error:
            yield _unreadable(start, error)
            return
        if not stat.S_ISDIR(status.st_mode):
            yield _as_item(start, status)
            return
        identity = (status.st_dev, status.st_ino)
        self._entered.add((*identity, False))
        stack = [_Folder(start, "", False, frozenset((identity,)))]
        while stack:
            folders: list[_Folder] = []
            yield from self._files(stack.pop(), folders)
            stack.extend(reversed(folders))

    def _files(self, folder: _Folder, folders: list[_Folder]) -> Iterator[Found | Unreadable]:
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
    ) -> Found | Unreadable | _Folder | None:
        relative = folder.relative + entry.name
        try:
            if entry.is_dir():
                return self._enter(entry, relative, folder)
            if self._exclude.match(relative) or not self._considers(entry, relative):
                return None
            return _as_item(entry.path, entry.stat())
        except OSError as error:
            if error.errno == errno.ENOENT and not entry.is_symlink():
                return None  # deleted since the folder was listed
            return _unreadable(entry.path, error)

    def _enter(self, entry: os.DirEntry[str], relative: str, folder: _Folder) -> _Folder | None:
        if self._exclude.match(relative, folder=True) or self._exclude.match(relative + "/"):
            return None
        linked = folder.linked or entry.is_symlink()
        status = entry.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in folder.above or (*identity, linked) in self._entered:
            return None
        self._entered.add((*identity, linked))
        return _Folder(entry.path, relative + "/", linked, folder.above | {identity})

    def _considers(self, entry: os.DirEntry[str], relative: str) -> bool:
        if self._include:
            return self._include.match(relative)
        if has_image_extension(entry.name):
            return True
        if extension(entry.name):
            return False
        if entry.path in self._known:
            return True
        return formats.sniff(read_head(entry.path, formats.HEAD)) is not None


def _as_item(path: str, status: os.stat_result) -> Found | Unreadable:
    if stat.S_ISREG(status.st_mode):
        return Found(path, status.st_size, status.st_mtime_ns)
    return Unreadable(path, "not-a-file", f"it is {kind(status.st_mode)}, and is not opened")


def _unreadable(path: str, error: OSError) -> Unreadable:
    reject: ImageRejectedError = rejection(error)
    if reject.reason == "missing":
        return Unreadable(path, "broken-link", "a symbolic link to a file that is not there")
    return Unreadable(path, reject.reason, reject.detail)
