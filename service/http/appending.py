"""Files of the service's state that are only added to, by it and by the command line."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from vitrail.indexer.files.durability import make_directory, sync_directory


def append(path: Path, data: bytes) -> None:
    """Add a line at the end of a file, whole and durably; it is made where it is not there.

    What a full disk or a kill has torn before it stays a line of its own. Only its owner may read
    it: who has the folder, also where root has made it for a service that runs as somebody else,
    and could neither read it nor add to it otherwise.

    Raises:
        OSError: the disk is full or refuses.
    """
    folder = path.parent
    make_directory(str(folder))
    fresh = not path.exists()
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        if fresh:
            _give(handle, folder)
        if _is_torn(handle):
            data = b"\n" + data
        if os.write(handle, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(handle)
    finally:
        os.close(handle)
    if fresh:
        sync_directory(str(folder))


def _is_torn(handle: int) -> bool:
    end = os.fstat(handle).st_size
    os.lseek(handle, max(0, end - 1), os.SEEK_SET)  # where to read; what is written goes to the end
    return end > 0 and os.read(handle, 1) != b"\n"


def _give(handle: int, folder: Path) -> None:
    if os.name == "posix" and os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)
