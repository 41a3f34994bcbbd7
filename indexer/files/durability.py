"""Files that survive a kill or a power cut: temporary name, fsync, rename, fsync the directory."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from vitrail.indexer.errors import CollectionError
from vitrail.indexer.files.reading import arrived, reading, refusal_in, unreadable

TEMPORARY = ".tmp"  # suffix of files not yet renamed; swept by the next writer
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_IN_ENGLISH = ("no space left", "disk quota exceeded", "disk full")
_CHUNK = 1 << 20


def sync_directory(directory: str) -> None:
    """Make renames and deletions in a directory durable; an empty name is the working directory."""
    if os.name == "nt":  # Windows offers no fsync of directories and journals renames itself
        return
    handle = os.open(directory or os.curdir, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_directory(directory: str) -> None:
    """Make a directory, and those above it that are missing, durably; harmless where it is.

    Raises:
        OSError: the disk refuses.
    """
    parent = os.path.dirname(directory) or os.curdir  # a name alone lies where we work
    if os.path.isdir(directory):
        return
    if parent != directory:
        make_directory(parent)
    with suppress(FileExistsError):
        os.mkdir(directory)
    with suppress(PermissionError):  # a folder that may be searched, but not listed
        sync_directory(parent)


def rename(source: str, target: str) -> None:
    """Rename a file or directory, durably, in place of what had the new name.

    Raises:
        OSError: the disk refuses.
    """
    os.replace(source, target)
    sync_directory(os.path.dirname(target))


def sync_file(path: str) -> None:
    """Flush a closed file to the disk."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(directory: str) -> None:
    """Flush all files in a directory, and in those below it, and their names, to the disk."""
    for where, _, names in os.walk(directory):
        for name in names:
            sync_file(os.path.join(where, name))
        sync_directory(where)


@contextmanager
def replacing(path: str, *, temporary: str | None = None) -> Iterator[str]:
    """Give a temporary path beside ``path`` to write to; on success it durably becomes ``path``.

    Readers see the old file or the new one, never a part, whatever is killed or cut. Every file of
    ours is written so, caches too: those take minutes to make and milliseconds to sync.

    Args:
        path: the file.
        temporary: what the temporary file is called, where somebody has to know.

    Raises:
        OSError: the disk is full or refuses; nothing is left behind.
    """
    temporary = temporary or f"{path}.{secrets.token_hex(4)}{TEMPORARY}"
    try:
        yield temporary
        sync_file(temporary)
        os.replace(temporary, path)
        sync_directory(os.path.dirname(path))
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def write_text(path: str, text: str) -> None:
    """Replace a small file durably."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as handle:
        handle.write(text)


def write_bytes(path: str, data: bytes, *, temporary: str | None = None) -> None:
    """Replace a file durably; see ``replacing``."""
    with replacing(path, temporary=temporary) as beside, open(beside, "wb") as handle:
        handle.write(data)


def set_aside(path: str) -> str:
    """Rename a damaged file (never delete it) and return its new name."""
    number = 1
    while os.path.lexists(aside := f"{path}.damaged-{number}"):
        number += 1
    os.rename(path, aside)
    sync_directory(os.path.dirname(path))
    return aside


def checksum(path: str | os.PathLike[str]) -> str:
    """Sha256 (hex) of a file.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as handle:
        while chunk := arrived(handle.read(_CHUNK)):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def disk_guard(directory: str, needed: int) -> Iterator[None]:
    """Turn a full disk, and one that refuses, wherever it is noticed, into one clear line.

    Args:
        directory: the collection's directory, there or to be made.
        needed: bytes the work is expected to take.

    Raises:
        CollectionError: the disk has, or had, too little room.
        UnreadableError: the system refused a file now.
    """
    with reading(directory):
        free = _free(directory)
    if free < needed:
        raise _full(directory, needed, free)
    try:
        yield
    except CollectionError:
        raise
    except Exception as error:
        if is_full(error):
            raise _full(directory, needed, _free(directory)) from error
        if isinstance(error, OSError) and (told := _refusal(error)):
            raise unreadable(_place(error) or directory, told) from error
        raise


def _free(directory: str) -> int:
    while not os.path.exists(directory):
        directory = os.path.dirname(directory)
    return shutil.disk_usage(directory).free


def _refusal(error: OSError) -> str | None:
    """What the system said, if it may say otherwise another time; Arrow only has it as text."""
    by_number = None if error.errno is None else refusal_in(os.strerror(error.errno))
    return by_number or refusal_in(str(error))


def _place(error: OSError) -> str | None:
    return error.filename if isinstance(error.filename, str) else None


def is_full(error: BaseException) -> bool:
    """Whether an error of the system, DuckDB, Arrow or FAISS says that the disk is full."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    text = str(error).lower()
    own = (os.strerror(code).lower() for code in _FULL)  # in the language of the process
    return any(said in text for said in (*_FULL_IN_ENGLISH, *own))


def _full(directory: str, needed: int, free: int) -> CollectionError:
    missing = max(needed - free, needed // 2, 1 << 20)
    return CollectionError(
        f"disk full while writing to {directory}; nothing committed is lost: "
        f"free {missing} bytes or more and run again"
    )
