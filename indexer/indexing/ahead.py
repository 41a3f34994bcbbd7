"""Work done in threads a little ahead of who needs it, given in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_LOOK = 0.2  # seconds between two questions whether to stop


def map_ahead(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int | None,
    ahead: int,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Result, None, None]:
    """Results of ``work`` in the order of ``items``; they end early once ``stop`` is true.

    Args:
        work: called in threads.
        items: taken as results are.
        workers: threads; ``None`` means one a core.
        ahead: results, beside those in the making, that may wait to be taken.
        stop: asked while a result is waited for, so that one that takes long holds nobody.
    """
    count = workers or os.cpu_count() or 1
    window: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(count, thread_name_prefix="decode")
    try:
        for item in items:
            window.append(pool.submit(work, item))
            if len(window) >= ahead + count:
                if not _is_done(window[0], stop):
                    return
                yield window.popleft().result()
        while window and _is_done(window[0], stop):
            yield window.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _is_done(future: Future[Result], stop: Callable[[], bool]) -> bool:
    """Wait for a result; gives false when it is no longer wanted before it is there."""
    while not wait([future], timeout=_LOOK).done:
        if stop():
            return False
    return True
