"""A request to stop: made by one thread or a signal, looked at by long work between its steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from vitrail.indexer.errors import CancelledError


class Cancellation:
    """Whether work is to stop; threads may share it, and it is never taken back."""

    def __init__(self) -> None:
        # a plain attribute: a signal's handler may set it whatever its thread holds just then
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._cancelled

    def cancel(self) -> None:
        """Ask to stop in good order: what is committed is kept."""
        self._cancelled = True

    def check(self) -> None:
        """Stop here if asked to; for work that has nothing to return when it is cut short.

        Raises:
            CancelledError: somebody asked to stop.
        """
        if self._cancelled:
            raise CancelledError("stopped before there was a result", remedy="run it again")


_HEEDED: ContextVar[Cancellation | None] = ContextVar("vitrail-heeded", default=None)


@contextmanager
def heeding(cancellation: Cancellation) -> Iterator[None]:
    """Let what waits within, however deep, stop once that is asked for.

    Args:
        cancellation: where the wish is told, by a signal's handler say.
    """
    token = _HEEDED.set(cancellation)
    try:
        yield
    finally:
        _HEEDED.reset(token)


def heeded() -> Cancellation | None:
    """Where the wish is told that what is done here heeds; ``None`` where it heeds none."""
    return _HEEDED.get()


def check_heeded() -> None:
    """Stop here if that was asked of what this is done for.

    Raises:
        CancelledError: it was.
    """
    heeded = _HEEDED.get()
    if heeded is not None:
        heeded.check()
