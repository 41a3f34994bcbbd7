"""Files of jobs: the images that they start from, and their results."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vitrail.indexer.files.durability import write_bytes
from vitrail.service.http.jobs.errors import JobTableError
from vitrail.service.operations.uploads import Uploads

_YOUNG = 3600  # seconds
_NO_BOUND = 2**62  # bytes: what jobs need is not given up for others


class JobFiles:
    """What jobs need or made that no table should hold; each file is there whole or not at all.

    An image that somebody uploaded is kept by its content until no job needs it any more, however
    long that one waits.

    Args:
        directory: of them; made where it is not there.

    Attributes:
        inputs: images, kept until they are swept.
    """

    def __init__(self, directory: Path) -> None:
        self._inputs, self._results = directory / "inputs", directory / "results"
        self.inputs = Uploads(self._inputs, most=_NO_BOUND, seconds=math.inf)
        with _told(directory):
            for folder in (self._inputs, self._results):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)

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

    def size(self, job: str, inputs: Iterable[str]) -> int:
        """Bytes of a job's result and of the images that it needs."""
        paths = (self.result(job), *(self._inputs / name[:2] / name for name in inputs))
        return sum(path.stat().st_size for path in paths if path.exists())

    def sweep(self, jobs: Collection[str], inputs: Collection[str]) -> None:
        """Delete what is of no job any more; but for what is so young that its job is being made.

        Args:
            jobs: ids of those that there are.
            inputs: tokens of the kept images that they need.
        """
        kept = {*inputs, *(f"{job}.json" for job in jobs)}
        oldest = time.time() - _YOUNG
        for path in (*self._inputs.glob("*/*"), *self._results.iterdir()):
            with suppress(OSError):
                if path.name not in kept and path.stat().st_mtime < oldest:
                    path.unlink()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JobTableError(
            f"{path}, a file of a job, cannot be used: {error.strerror}",
            remedy="free space on its disk and ask again",
        ) from error
