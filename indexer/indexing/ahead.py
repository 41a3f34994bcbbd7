"""Work done in threads a little ahead of who needs it, given in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(
    work: Callable[[Item], Result], items: Iterable[Item], *, workers: int | None, ahead: int
) -> Generator[Result, None, None]:
    """Results of ``work`` in the order of ``items``.

    Args:
        work: called in threads.
        items: taken as results are.
        workers: threads; ``None`` means one a core.
        ahead: results, beside those in the making, that may wait to be taken.
    """
    count = workers or os.cpu_count() or 1
    window: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(count, thread_name_prefix="decode")
    try:
        for item in items:
            window.append(pool.submit(work, item))
            if len(window) >= ahead + count:
                yield window.popleft().result()
        while window:
            yield window.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
