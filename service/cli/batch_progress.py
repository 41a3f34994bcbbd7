"""How questions of a batch are counted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vitrail.indexer.wording import counted
from vitrail.service.cli.progress import Display, clock

if TYPE_CHECKING:
    from pathlib import Path

    from vitrail.service.operations.answer_files import AnswerCounts
    from vitrail.service.operations.progress import BatchProgress


class BatchDisplay(Display):
    """Shows how many questions are answered; a context manager."""

    def __init__(self) -> None:
        super().__init__(quiet=False, doing="searching")

    def update(self, progress: BatchProgress) -> None:
        """Show how many of the questions there are, and how long the others take."""
        seconds = time.monotonic() - self._started
        rate = left = ""
        if progress.done:
            rate = f"{progress.done / seconds:,.1f}/s"
            left = f"{clock(seconds / progress.done * (progress.total - progress.done))} left"
        queries = f"{progress.done:,} of {counted(progress.total, 'query', 'queries')}"
        failed = f"{progress.failed:,} failed" if progress.failed else ""
        self._show("searching", progress.done, progress.total, queries, failed, rate, left)

    def finish(self, counts: AnswerCounts, path: Path) -> None:
        """Print the summary."""
        self._stop()
        seconds = time.monotonic() - self._started
        asked = counted(counts.asked, "query", "queries")
        self._line(f"{asked} in {seconds:.1f} s, {counted(counts.hits, 'hit')}: {path}")
        if counts.failed:
            could = counted(counts.failed, "query has its error", "queries have their errors")
            self._line(f"{could} in the place of hits")
