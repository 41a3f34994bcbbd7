"""Who looks on at jobs: bells that worker threads ring, and half-made images on request."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

ASKED_SECONDS = 5.0  # for which images are made after somebody has asked for one
_APART = 0.4  # seconds between two
_SHARE = 10.0  # times as long as one took, until the next: at most a tenth of the time is spent


class Bell:
    """Wakes one listener of an event loop, from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake it; harmless where it has gone."""
        with suppress(RuntimeError):  # its loop is closed
            self._loop.call_soon_threadsafe(self._rung.set)

    async def wait(self) -> None:
        """Sleep until somebody has rung since the last time."""
        await self._rung.wait()
        self._rung.clear()


class Watchers:
    """Who listens to which job; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bells: dict[str, set[Bell]] = {}
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nobody is to listen any longer."""
        return self._closed

    @contextmanager
    def listening(self, job: str) -> Iterator[Bell]:
        """A bell that rings whenever something is to be told of a job."""
        bell = Bell()
        with self._lock:
            self._bells.setdefault(job, set()).add(bell)
        try:
            yield bell
        finally:
            with self._lock:
                self._bells[job].discard(bell)
                if not self._bells[job]:
                    del self._bells[job]

    def ring(self, job: str) -> None:
        """Something is to be told of a job."""
        with self._lock:
            bells = [*self._bells.get(job, ())]
        for bell in bells:
            bell.ring()

    def close(self) -> None:
        """Let all listeners go: an open stream would keep a service from ending."""
        with self._lock:
            self._closed = True
            bells = [bell for some in self._bells.values() for bell in some]
        for bell in bells:
            bell.ring()

    def __len__(self) -> int:
        with self._lock:
            return sum(map(len, self._bells.values()))


class LivePreview:
    """The half-made image of a job, made only while somebody asks for it, and not too often.

    Args:
        clock: seconds, which only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked = float("-inf")
        self._begun = self._next = float("-inf")
        self._data: bytes | None = None

    def ask(self) -> bytes | None:
        """The newest one as WebP, where there is one; and make more, for a while."""
        self._asked = self._clock()
        return self._data

    def wants(self) -> bool:
        """Whether somebody has asked lately, and the last one was made long enough ago."""
        self._begun = now = self._clock()
        return now - self._asked <= ASKED_SECONDS and now >= self._next

    def show(self, image: Image) -> None:
        """Keep an image that was wanted."""
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=80, method=0)
        self._data = buffer.getvalue()
        now = self._clock()
        self._next = now + max(_APART, _SHARE * (now - self._begun))
