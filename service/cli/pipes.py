"""Standard output whose reader, such as head, has seen enough."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def hush() -> None:
    """Let nothing be written at the end of the process that could not be written before."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Print before work that is done whether anybody reads on or not."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        hush()
