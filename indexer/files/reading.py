"""Files that cannot be read now, told apart from files that are damaged or missing."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from vitrail.indexer.errors import UnreadableError

_T = TypeVar("_T")
_DISK = "check the disk, the network and what is mounted, and run again"
_FILES = "close programs, or raise the limit on open files (ulimit -n), and run again"
_MEMORY = "free memory and run again"
_RIGHTS = "run as a user who may read it, or change its rights, and run again"
_MOUNTED = "mount its disk for writing, or write to a copy elsewhere; reading goes on"
_TAKEN = "close the program that holds it and run again"
NO_FILE = "something else than a file lies there"
NO_FOLDER = "something else than a folder lies there"
_REMEDIES = {
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.ENOMEM: _MEMORY,
    errno.EAGAIN: _TAKEN,
    errno.EBUSY: _TAKEN,
    errno.ETXTBSY: _TAKEN,
    errno.EROFS: _MOUNTED,
    errno.EIO: _DISK,
    errno.ENXIO: _DISK,
    errno.ENODEV: _DISK,
    errno.ESTALE: _DISK,
    errno.ETIMEDOUT: _DISK,
    errno.ENOTCONN: _DISK,
}
# A pipe that lies in the place of a file must not keep anyone waiting; Windows has no such flag.
_FLAGS = os.O_RDONLY
for _name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
    _FLAGS |= getattr(os, _name, 0)
_SAID = {code: os.strerror(code) for code in _REMEDIES}


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turn what keeps a file from being read into one clear line; its absence passes as it is.

    Raises:
        UnreadableError: the system refused, or memory ran out.
        FileNotFoundError: it is not there.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error
    except MemoryError as error:
        raise unreadable(path, os.strerror(errno.ENOMEM)) from error


def refusal_in(said: str) -> str | None:
    """The system's words in an error's text, if they are of a file that cannot be read now.

    Args:
        said: what the error says; libraries have those words in it, in the language of the process,
            which a program may choose after this was imported.
    """
    found = _refusal_in(said)
    return None if found is None else found[0]


def _refusal_in(said: str) -> tuple[str, str] | None:
    for code, remedy in _REMEDIES.items():
        for words in (_SAID[code], os.strerror(code)):
            if words in said:
                return words, remedy
    return None


def unreadable(path: str, reason: str) -> UnreadableError:
    """An error that names the file, the reason and the remedy.

    Args:
        path: the file.
        reason: as the system says it, alone or in the middle of a line.
    """
    other = "move that away, and run again" if reason in (NO_FILE, NO_FOLDER) else _DISK
    _, remedy = _refusal_in(reason) or (reason, other)
    return UnreadableError(
        f"{path} cannot be read or written now ({reason}), which is no sign of damage: {remedy}"
    )


def exists(path: str) -> bool:
    """Whether there is a file or folder, as far as the system lets anyone know.

    Raises:
        UnreadableError: a folder above it cannot be searched.
    """
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error
    return True


def read_bytes(path: str) -> bytes:
    """All of a file.

    Raises:
        UnreadableError: it cannot be read now, or what lies there is no file, such as a pipe.
        FileNotFoundError: it is not there.
    """
    with reading(path), open(path, "rb", buffering=0, opener=_opened) as handle:
        data: bytes = arrived(handle.read())
        return data


def _opened(path: str, _: int) -> int:
    """A descriptor of a regular file.

    Raises:
        OSError: something else lies there, or the system refuses.
    """
    descriptor = os.open(path, _FLAGS)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, NO_FILE, path)


def arrived(data: _T | None) -> _T:
    """What a file's ``read`` gave; it gives None, and no error, where it would have to wait.

    Raises:
        BlockingIOError: None, which must not be taken for an empty file.
    """
    if data is None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return data
