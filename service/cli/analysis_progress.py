"""How far an analysis is, in a line."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vitrail.indexer.wording import counted
from vitrail.service.cli.progress import SOON, Display, clock

if TYPE_CHECKING:
    from vitrail.service.operations.progress import AnalysisProgress


class AnalysisDisplay(Display):
    """Shows what is done now, of how much, and how long it still takes; a context manager.

    Args:
        quiet: show nothing.
        doing: what it begins with.
    """

    def __init__(self, *, quiet: bool, doing: str) -> None:
        super().__init__(quiet=quiet, doing=doing)
        self._doing, self._began = "", 0.0

    def update(self, event: AnalysisProgress) -> None:
        """Show it."""
        now = time.monotonic()
        if event.doing != self._doing:
            self._doing, self._began = event.doing, now
        if not event.total:
            self._show(event.doing, 0, None)
            return
        told = f"{event.done:,} of {counted(event.total, event.noun)}"
        left, passed = "", now - self._began
        if event.done and passed > SOON:
            left = f"{clock(passed / event.done * (event.total - event.done))} left"
        self._show(event.doing, event.done, event.total, told, event.told, left)
