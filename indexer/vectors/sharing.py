"""Many queries shared out among threads, each of which answers some of them by itself."""

from __future__ import annotations

from collections.abc import Callable

from vitrail.indexer.vectors import batch_scan
from vitrail.indexer.vectors.answers import Neighbours, joined
from vitrail.indexer.vectors.exact import Floats
from vitrail.indexer.vectors.one_thread import one_thread, product_threads


def share_out(search: Callable[[Floats], Neighbours], queries: Floats) -> Neighbours:
    """Answer queries by all threads that numpy may use, none of which waits for another.

    A product that several threads work at makes them meet at its end, and so does what follows
    one that only one of them can do; blocks of queries need neither.

    Args:
        search: answers (q, dim) queries, in one thread; called by several at once.
        queries: (q, dim) float32, at least one.
    """
    threads = min(product_threads(), len(queries))
    size = min(batch_scan.QUERIES, -(-len(queries) // threads))
    blocks = [queries[start : start + size] for start in range(0, len(queries), size)]
    with one_thread():
        if threads == 1:
            return joined([search(block) for block in blocks])
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(threads) as pool:
            return joined(list(pool.map(search, blocks)))
