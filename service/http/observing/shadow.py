"""Approximate answers held against exact ones, now and then and in the background.

What an index's recall was measured to be when it was built need not be what today's questions get;
a share of them, asked again exactly, tells. It takes one core a hundredth of the time at most.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType

from vitrail.indexer.errors import VitrailError
from vitrail.search.options import SearchOptions
from vitrail.search.query import SearchResult
from vitrail.service.http.hosting import Hosted
from vitrail.service.http.observing.metrics import Metrics
from vitrail.service.operations.query_kinds import AnyQuery, MixedQuery, PromptQuery
from vitrail.service.operations.searching import search

APART_SECONDS = 30.0
"""Between two checks, at least."""
SHARE = 100
"""A check that took a second is followed by this many without one."""
KEPT = 100  # of the last checks, of which the mean is told

_log = logging.getLogger("vitrail.service")


@dataclass(frozen=True, slots=True)
class Asked:
    """A search that was answered.

    Attributes:
        hosted: the collection.
        query: what was asked.
        options: how.
        result: the answer.
    """

    hosted: Hosted
    query: AnyQuery
    options: SearchOptions
    result: SearchResult


class SearchWatch:
    """Looks on as searches are answered; a context manager with a thread of its own.

    Args:
        metrics: where stages and recall are counted.
        apart: seconds between two checks.
        clock: seconds.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        apart: float = APART_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics, self._apart, self._clock = metrics, apart, clock
        self._next = 0.0
        self._waiting: queue.Queue[Asked | None] = queue.Queue(1)
        self._shares: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._thread = threading.Thread(target=self._check_all, name="shadow", daemon=True)

    def __enter__(self) -> SearchWatch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._waiting.put(None)
        self._thread.join()

    def answered(self, asked: Asked, seconds: dict[str, float]) -> None:
        """Count a search, and check it where it is time to; returns at once.

        Args:
            asked: the search and its answer.
            seconds: stage -> time taken.
        """
        self._metrics.stages(seconds)
        if asked.result.exact or self._clock() < self._next or _makes(asked.query):
            return
        try:
            self._waiting.put_nowait(asked)
        except queue.Full:
            return
        self._next = self._clock() + self._apart

    def _check_all(self) -> None:
        while (asked := self._waiting.get()) is not None:
            began = self._clock()
            try:
                self._check(asked)
            except (VitrailError, OSError, MemoryError) as error:
                _log.warning("a search could not be checked: %s", type(error).__name__)
            self._next = self._clock() + max(self._apart, SHARE * (self._clock() - began))

    def _check(self, asked: Asked) -> None:
        options = replace(asked.options, exact=True)
        exact = search(asked.hosted.collection, asked.query, options).result
        if exact.origin != asked.result.origin:
            return  # of another commit by now, which may well have other hits
        share = found_share(asked.result, exact)
        if share is not None:
            shares = self._shares[asked.hosted.name]
            shares.append(share)
            self._metrics.recall(asked.hosted.name, sum(shares) / len(shares))


def found_share(approximate: SearchResult, exact: SearchResult) -> float | None:
    """The share of the exact hits that an approximate answer has; ``None`` of none."""
    wanted = {hit.id for hit in exact.hits}
    if not wanted:
        return None
    return len(wanted & {hit.id for hit in approximate.hits}) / len(wanted)


def _makes(query: AnyQuery) -> bool:
    """Whether a query makes images, which takes far longer than a search."""
    parts = (*query.positives, *query.negatives) if isinstance(query, MixedQuery) else (query,)
    return any(isinstance(part, PromptQuery) for part in parts)
