"""A folder of files that can be had again: bounded, each whole or not there."""

from __future__ import annotations

import os
import threading
import time
import zlib
from contextlib import suppress
from pathlib import Path

from vitrail.indexer.errors import CacheError
from vitrail.indexer.files.durability import write_bytes

_CHECK = 4  # bytes of the checksum at a file's end
_LEFT = 0.8  # of the bound, after room was made
_TOUCHED = 3600.0  # seconds after which a file that is read again is noted as used


class KeptFiles:
    """Named bytes in a folder; threads share it, and processes may.

    What a disk has torn is told by its checksum, and is not there then.

    Args:
        folder: made when something is first kept, for this user alone.
        most: bytes, all together; what was used longest ago goes first.
        seconds: after which a file is no longer there; ``None`` for ever.
    """

    def __init__(self, folder: Path, *, most: int, seconds: float | None = None) -> None:
        self._folder, self._most, self._seconds = folder, most, seconds
        self._guard = threading.Lock()
        self._bytes: int | None = None  # not counted yet

    def put(self, name: str, data: bytes) -> None:
        """Keep bytes under a name, which stands for these bytes alone.

        Raises:
            CacheError: the disk is full, or the folder may not be written.
        """
        path = self._path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_bytes(str(path), data + zlib.crc32(data).to_bytes(_CHECK, "little"))
        except OSError as error:
            raise CacheError(
                f"cannot keep a file in {self._folder} ({error.strerror})",
                remedy="free room there, or change its rights",
            ) from error
        self._count(len(data) + _CHECK)

    def get(self, name: str) -> bytes | None:
        """The bytes under a name; ``None`` where there are none, or they are torn or too old."""
        path = self._path(name)
        try:
            with path.open("rb") as file:
                age = time.time() - os.fstat(file.fileno()).st_mtime
                held = file.read()
        except OSError:
            return None
        data, check = held[:-_CHECK], held[-_CHECK:]
        too_old = self._seconds is not None and age > self._seconds
        if too_old or zlib.crc32(data).to_bytes(_CHECK, "little") != check:
            return None
        if self._seconds is None and age > _TOUCHED:
            with suppress(OSError):
                os.utime(path)
        return data

    def sweep(self) -> None:
        """Delete what is too old, and of the rest what is beyond the bound."""
        with self._guard:
            self._sweep()

    def _count(self, added: int) -> None:
        with self._guard:
            if self._bytes is not None:
                self._bytes += added
            if self._bytes is None or self._bytes > self._most:
                self._sweep()

    def _sweep(self) -> None:
        found = sorted(self._found(), reverse=True)
        now, kept = time.time(), 0
        bound = self._most
        if sum(size for _, size, _ in found) > bound:
            bound = int(bound * _LEFT)
        for used, size, path in found:
            too_old = self._seconds is not None and now - used > self._seconds
            if too_old or kept + size > bound:
                with suppress(OSError):
                    path.unlink()
            else:
                kept += size
        self._bytes = kept

    def _found(self) -> list[tuple[float, int, Path]]:
        """When each file was last used, its bytes, and where it is."""
        found = []
        with suppress(OSError):
            for folder in self._folder.iterdir():
                for path in folder.iterdir():
                    with suppress(OSError):
                        status = path.stat()
                        found.append((status.st_mtime, status.st_size, path))
        return found

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name
