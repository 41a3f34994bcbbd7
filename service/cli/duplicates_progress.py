"""How far a search for duplicates is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vitrail.indexer.wording import counted
from vitrail.service.cli.progress import Display, clock

if TYPE_CHECKING:
    from vitrail.service.operations.progress import DuplicateProgress


class DuplicateDisplay(Display):
    """Shows how many images were met, and how many pairs compared; a context manager.

    Args:
        quiet: show nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(quiet=quiet, doing="looking for near pairs")
        self._began: float | None = None

    def update(self, progress: DuplicateProgress) -> None:
        """Show it."""
        if progress.stage == "meeting":
            told = f"{progress.done:,} of {counted(progress.total, 'image')}"
            self._show("looking for near pairs", progress.done, progress.total, told)
            return
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        left = ""
        if progress.done and now > self._began:
            each = (now - self._began) / progress.done
            left = f"{clock(each * (progress.total - progress.done))} left"
        told = f"{progress.done:,} of {counted(progress.total, 'pair')}"
        self._show("comparing pixels", progress.done, progress.total, told, left)
