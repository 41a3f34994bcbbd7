"""The writer's lock: one process writes to a collection, and everyone can see which."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from types import TracebackType

from vitrail.indexer.errors import CollectionLockedError
from vitrail.indexer.settings import in_use

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        os.lseek(handle, 1 << 20, os.SEEK_SET)  # beyond the text, which others may read
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class WriterLock:
    """An exclusive lock on a file, held by the operating system until close or death.

    The file stays after a kill; what counts is the lock on it, so a stale file is no obstacle.

    Args:
        path: the lock file; created when missing.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._handle: int | None = None

    def acquire(self) -> None:
        """Take the lock without waiting, and write who holds it.

        Raises:
            CollectionLockedError: another process, or another handle of this one, holds it.
            OSError: the disk is full or refuses; nobody holds it then.
        """
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        if not _try_lock(handle):
            os.close(handle)
            raise self._refusal()
        try:
            os.ftruncate(handle, 0)
            os.lseek(handle, 0, os.SEEK_SET)
            os.write(handle, json.dumps(_holder()).encode())
        except BaseException:
            os.close(handle)  # which a program that goes on would hold for good
            raise
        self._handle = handle

    def release(self) -> None:
        """Let the next writer in; harmless when not held."""
        handle, self._handle = self._handle, None
        if handle is not None:
            try:
                os.ftruncate(handle, 0)
            finally:
                os.close(handle)

    def __enter__(self) -> WriterLock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def _refusal(self) -> CollectionLockedError:
        try:
            with open(self._path, encoding="utf-8") as file:
                holder = json.load(file)
            who = (
                f"process {holder['pid']} on {holder['host']} "
                f"({holder['command']}, since {holder['since']})"
            )
            address = holder.get("address") if holder["host"] == socket.gethostname() else None
        except (OSError, ValueError, KeyError, TypeError):  # between its lock and its first write
            who = "another process"
            address = None
        remedy = "wait for it to end, or stop it, and run again"
        if address:  # such as others here can ask, and only while it holds the lock
            remedy = (
                f"it is a service: let it index and generate by --server {address}, or wait for "
                "its job to end, and run again"
            )
        return CollectionLockedError(
            f"{who} is writing to {os.path.dirname(self._path)}", remedy=remedy
        )


def _holder() -> dict[str, str | int]:
    command = " ".join([os.path.basename(sys.argv[0]), *sys.argv[1:]])[:200]
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": command.encode(errors="replace").decode(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "address": in_use().address,
    }
