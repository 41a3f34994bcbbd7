"""The audit log: who has asked for what writes, when and from where, and what came of it.

A line before, synced before anything is done, so that nothing is done unseen, and a line after.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from vitrail.indexer.errors import VitrailError
from vitrail.indexer.files.durability import sync_directory
from vitrail.service.http.appending import append

FILE = "audit.jsonl"
LARGEST = 8 << 20  # bytes, after which a new file is begun
KEPT = 9  # older files, audit.1.jsonl being the newest of them


class UnrecordedError(VitrailError):
    """What writes is not done, since the audit log cannot be written."""

    code = "unrecorded"


class AuditLog:
    """Lines that are only added; threads share it, and other processes add to the same file.

    Args:
        state: folder of the service.
        largest: bytes of one file.
    """

    def __init__(self, state: Path, *, largest: int = LARGEST) -> None:
        self._path, self._largest = state / FILE, largest
        self._lock = threading.Lock()

    def add(self, event: str, **facts: str | int | float | None) -> None:
        """Write a line; when this returns it is on the disk.

        Args:
            event: such as ``asked``.
            facts: what there is to say of it, by name.

        Raises:
            UnrecordedError: the disk is full or refuses.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        data = (json.dumps({"time": now, "event": event, **facts}) + "\n").encode()
        try:
            with self._lock:
                self._rotate()
                append(self._path, data)
        except OSError as error:
            raise UnrecordedError(
                f"the audit log cannot be written, so nothing was done: {error.strerror or error}",
                remedy="make room where the service keeps its state",
            ) from error

    def _rotate(self) -> None:
        with suppress(FileNotFoundError):
            if self._path.stat().st_size < self._largest:
                return
            for number in range(KEPT, 0, -1):
                newer = self._path if number == 1 else self._numbered(number - 1)
                with suppress(FileNotFoundError):
                    newer.replace(self._numbered(number))
            sync_directory(str(self._path.parent))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"audit.{number}.jsonl")
