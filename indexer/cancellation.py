"""A request to stop: made by one thread or a signal, looked at by long work between its steps."""

from __future__ import annotations

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
