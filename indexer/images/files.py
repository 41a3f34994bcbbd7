"""Reading a file's bytes safely: regular files only, once, with their hash."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from typing import BinaryIO, NamedTuple

from vitrail.indexer.errors import ImageRejectedError

MAX_BYTES = 1 << 30
"""Files above 1 GiB are rejected unread: a decoder would need several times as much memory."""

# A FIFO that takes the place of a file between stat and open must not block, nor a terminal
# become ours; Windows has neither flag, but needs O_BINARY.
_FLAGS = os.O_RDONLY
for _name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
    _FLAGS |= getattr(os, _name, 0)


_DENIED = (errno.EACCES, errno.EPERM)


class FileBytes(NamedTuple):
    """A file's content at one moment.

    Attributes:
        data: all bytes.
        size: their number.
        mtime_ns: modification time in nanoseconds, as ``modified_ns``.
        sha256: hex digest of ``data``.
    """

    data: bytes
    size: int
    mtime_ns: int
    sha256: str


def modified_ns(status: os.stat_result) -> int:
    """Modification time in nanoseconds, wrapped to the 64 bits that tables have for it.

    Those end in 1677 and 2262, and a file may be said to be of the year 1601, where Windows begins
    to count. What the number is for is to be another one when the file changes.
    """
    return (status.st_mtime_ns + (1 << 63)) % (1 << 64) - (1 << 63)


def read_file(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> FileBytes:
    """Read a regular file once; anything else is refused without being opened.

    Args:
        path: undecodable bytes as surrogate escapes, as ``os.fsdecode`` gives them.
        max_bytes: larger files are refused unread.

    Raises:
        ImageRejectedError: ``missing``, ``not-a-file``, ``unreadable``, ``too-many-bytes``, or
            ``changing`` when the file was written to meanwhile.
    """
    try:
        _check(os.stat(path), max_bytes)
        descriptor = os.open(path, _FLAGS)
        with os.fdopen(descriptor, "rb") as file:
            return _read(file.fileno(), max_bytes)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise rejection(error) from error


def open_regular(path: str, *, max_bytes: int = MAX_BYTES) -> BinaryIO:
    """A regular file, open for reading; anything else is refused without being opened.

    Arguments and errors are those of ``read_file``.
    """
    try:
        _check(os.stat(path), max_bytes)
        file = os.fdopen(os.open(path, _FLAGS), "rb")
    except (OSError, ValueError) as error:
        raise rejection(error) from error
    try:
        _check(os.fstat(file.fileno()), max_bytes)
    except ImageRejectedError:
        file.close()
        raise
    return file


def read_unchanged(paths: Iterable[str], sha256: str) -> FileBytes | None:
    """The first of some files that still has the bytes of a hash; ``None`` where none has.

    Args:
        paths: as of ``read_file``; what cannot be read now is passed over.
        sha256: hex digest of the bytes.
    """
    for path in paths:
        with suppress(ImageRejectedError):
            found = read_file(path)
            if found.sha256 == sha256:
                return found
    return None


def read_head(path: str, count: int) -> bytes:
    """The first ``count`` bytes of a regular file, or ``b""`` when it cannot be read."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return b""
        with os.fdopen(os.open(path, _FLAGS), "rb") as file:
            return file.read(count)
    except OSError:
        return b""


def rejection(error: OSError | ValueError) -> ImageRejectedError:
    """The reject that tells of an operating system's error."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOENT, errno.ENOTDIR):
        return ImageRejectedError("missing", "the file is no longer there")
    if number == errno.ELOOP:
        return ImageRejectedError("broken-link", "its symbolic links form a loop: remove them")
    text = os.strerror(number) if number else str(error)
    remedy = "give this user the right to read it" if number in _DENIED else "check its disk"
    return ImageRejectedError("unreadable", f"{text}: {remedy}; the next run tries it again")


def _read(descriptor: int, max_bytes: int) -> FileBytes:
    before = os.fstat(descriptor)
    _check(before, max_bytes)
    chunks: list[bytes] = []
    left = before.st_size + 1  # one more, to notice growth
    while left and (chunk := os.read(descriptor, min(left, 1 << 26))):
        chunks.append(chunk)
        left -= len(chunk)
    data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    after = os.fstat(descriptor)
    if (after.st_size, after.st_mtime_ns, len(data)) != (
        before.st_size,
        before.st_mtime_ns,
        before.st_size,
    ):
        raise ImageRejectedError(
            "changing", "the file was written to while it was read; the next run tries it again"
        )
    return FileBytes(data, len(data), modified_ns(before), hashlib.sha256(data).hexdigest())


def _check(status: os.stat_result, max_bytes: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ImageRejectedError(
            "not-a-file",
            f"it is {kind(status.st_mode)}, and is not opened: leave it out with --exclude",
        )
    if status.st_size > max_bytes:
        raise ImageRejectedError(
            "too-many-bytes",
            f"{status.st_size:,} bytes are more than the limit of {max_bytes:,}: save it smaller",
        )


def kind(mode: int) -> str:
    """What ``st_mode`` is, in words, such as ``a FIFO``."""
    names = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a character device",
        stat.S_IFBLK: "a block device",
    }
    return names.get(stat.S_IFMT(mode), "not a regular file")
