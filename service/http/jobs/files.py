"""Files of jobs: the images that they start from, and their results."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vitrail.indexer.files.durability import write_bytes
from vitrail.service.http.jobs.errors import JobTableError

_YOUNG = 3600  # seconds


class JobFiles:
    """What jobs need or made that no table should hold; each file is there whole or not at all.

    An image that somebody uploaded is kept by its content until no job needs it any more, however
    long that one waits.

    Args:
        directory: of them; made where it is not there.
    """

    def __init__(self, directory: Path) -> None:
        self._inputs, self._results = directory / "inputs", directory / "results"
        with _told(directory):
            for folder in (self._inputs, self._results):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def keep(self, data: bytes) -> str:
        """Keep the bytes of an image, durably; its name is their sha256 (hex).

        Raises:
            JobTableError: the disk is full or refuses.
        """
        name = hashlib.sha256(data).hexdigest()
        path = self._inputs / name
        with _told(path):
            if path.exists():
                os.utime(path)  # as young as a new one; see ``sweep``
            else:
                write_bytes(str(path), data)
        return name

    def read(self, name: str) -> bytes:
        """The bytes of a kept image.

        Raises:
            JobTableError: they are not there any more, or cannot be read.
        """
        with _told(self._inputs / name):
            return (self._inputs / name).read_bytes()

    def write_result(self, job: str, data: bytes) -> None:
        """Keep the result of a job, durably, in place of an earlier one.

        Raises:
            JobTableError: the disk is full or refuses.
        """
        with _told(self.result(job)):
            write_bytes(str(self.result(job)), data)

    def result(self, job: str) -> Path:
        """Where the result of a job is."""
        return self._results / f"{job}.json"

    def sweep(self, jobs: Collection[str], inputs: Collection[str]) -> None:
        """Delete what is of no job any more; but for what is so young that its job is being made.

        Args:
            jobs: ids of those that there are.
            inputs: names of the kept images that they need.
        """
        kept = {*inputs, *(f"{job}.json" for job in jobs)}
        for folder in (self._inputs, self._results):
            for name in {*os.listdir(folder)} - kept:
                with suppress(OSError):
                    if (folder / name).stat().st_mtime < time.time() - _YOUNG:
                        os.unlink(folder / name)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JobTableError(
            f"{path}, a file of a job, cannot be used: {error.strerror}",
            remedy="free space on its disk and ask again",
        ) from error
