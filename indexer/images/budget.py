"""Bytes that may be in use at once, shared by the threads that decode."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SHARE = 0.4
"""Of the memory that is free at the start: encoder, index and commits need theirs."""

SHARE_OF_FILES = 0.1
"""And for the bytes of files that wait for their decoding."""

_FEWEST = 64 << 20  # where next to nothing is free, small images still go, one by one
_LIMITS = (  # (limit, usage) of a container's memory: control groups of version 2 and 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


class MemoryBudget:
    """A number of bytes out of which each image takes what it needs while it is decoded.

    Whoever asks for more than is left waits; who asked first goes first, so that a large image
    is not kept waiting for ever by small ones. Safe for threads.

    Args:
        total: bytes.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self._left = total
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @classmethod
    def of_free_memory(cls, share: float = SHARE) -> MemoryBudget:
        """A budget of a share of the memory that is free now."""
        return cls(max(_FEWEST, int(free_memory() * share)))

    @contextmanager
    def hold(self, count: int) -> Iterator[None]:
        """Have ``count`` bytes for the length of a block; never more than ``total`` of them."""
        count = min(count, self.total)
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            self._changed.wait_for(lambda: self._waiting[0] is ticket and self._left >= count)
            self._waiting.popleft()
            self._left -= count
            self._changed.notify_all()  # the next in line may fit beside
        try:
            yield
        finally:
            with self._changed:
                self._left += count
                self._changed.notify_all()


def free_memory(read: Callable[[str], str] | None = None) -> int:
    """Bytes that programs may still take: of the machine, and of the container it may run in.

    Args:
        read: gives a file's text; for tests.
    """
    import psutil

    free = int(psutil.virtual_memory().available)
    for limit, usage in _LIMITS:
        try:
            left = int((read or _read)(limit)) - int((read or _read)(usage))
        except (OSError, ValueError):  # no such file, or "max"
            continue
        free = min(free, max(0, left))
    return free


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()


def written(count: int) -> str:
    """A number of bytes for people, such as ``1.6 GB``."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
