"""Files that several processes write into one folder: whose they are while they are not whole."""

from __future__ import annotations

import os
import re
from contextlib import suppress

from vitrail.indexer.files.durability import TEMPORARY

_NAME = re.compile(rf"\.vitrail-(\d+)-(.*){re.escape(TEMPORARY)}")
_SLACK = 5.0  # seconds by which clocks of processes and of files may differ


def begun_name(path: str) -> str:
    """The temporary path beside a file that this process writes, which tells whose it is."""
    folder, name = os.path.split(path)
    stem = os.path.splitext(name)[0]
    return os.path.join(folder, f".vitrail-{os.getpid()}-{stem}{TEMPORARY}")


def sweep_begun(folder: str, *, of: str | None = None) -> None:
    """Delete what processes that are no more have begun in a folder.

    Args:
        folder: the folder.
        of: a file there that it has to be the beginning of; ``None`` for any.

    Raises:
        OSError: the folder cannot be read.
    """
    stem = None if of is None else os.path.splitext(os.path.basename(of))[0]
    for entry in os.scandir(folder):
        match = _NAME.fullmatch(entry.name)
        if match and stem in (None, match[2]):
            with suppress(OSError):  # gone meanwhile, or not ours to delete
                if not _is_at_work(int(match[1]), entry.stat(follow_symlinks=False).st_mtime):
                    os.unlink(entry.path)


def _is_at_work(pid: int, written: float) -> bool:
    """Whether the process that wrote last to a file then still runs; numbers are given again."""
    import psutil

    if pid == os.getpid():
        return True
    try:
        return float(psutil.Process(pid).create_time()) <= written + _SLACK
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
