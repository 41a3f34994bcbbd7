"""Indexes that are built on the way, told as the events of whatever builds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from vitrail.indexer.building import BuildProgress, OnBuild, watching_builds
from vitrail.indexer.cancellation import Cancellation
from vitrail.service.operations.progress import AnalysisProgress, Progress

NOUN = "vector"
"""What is counted while an index is built, and by no other work."""


def telling_builds(progress: Progress, cancellation: Cancellation) -> AbstractContextManager[None]:
    """Tell how far indexes are that are built within, and end that once it is wished.

    Args:
        progress: told, from when they have taken a second.
        cancellation: looked at between the steps.
    """

    @contextmanager
    def watch() -> Iterator[OnBuild]:
        def told(event: BuildProgress) -> None:
            cancellation.check()
            progress(AnalysisProgress(event.doing, event.done, event.total, NOUN))

        yield told

    return watching_builds(watch)
