"""Memory that runs out around the steps of a training, where images are looked at and measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vitrail.indexer.errors import TrainingError
from vitrail.indexer.memory import is_out_of_memory


@contextmanager
def enough_memory(what: str, remedy: str) -> Iterator[None]:
    """Turn memory that ran out, of the host or of the device, into one clear line.

    Args:
        what: it is too small for.
        remedy: what to do about it.

    Raises:
        TrainingError: it did.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingError(f"memory is too small for {what}: {remedy}") from error
