"""Many small matrix products: by one thread, which does not wait for another."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController


class _Limit:
    """One thread for numpy's products as long as anybody wants it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._users = 0
        self._set: Any = None

    def take(self) -> None:
        with self._guard:
            if not self._users:
                self._set = _of_numpy().limit(limits=1)
            self._users += 1

    def give_back(self) -> None:
        with self._guard:
            self._users -= 1
            if not self._users:
                self._set.restore_original_limits()


_LIMIT = _Limit()


@contextmanager
def one_thread() -> Iterator[None]:
    """While it lasts, numpy's products take one thread each.

    A product of two hundred rows is shared out among threads, which then wait for one another: on
    a machine that is busy with other things it takes thirty times as long. What other libraries
    multiply by, such as FAISS, stays as it is. Where several threads want it, it lasts until the
    last of them is done.
    """
    _LIMIT.take()
    try:
        yield
    finally:
        _LIMIT.give_back()


def product_threads() -> int:
    """How many threads numpy's products take now: 1 while ``one_thread`` lasts."""
    counts = [one["num_threads"] for one in _of_numpy().info()]
    return int(max(counts, default=os.cpu_count() or 1))


@cache
def _of_numpy() -> ThreadpoolController:
    """What numpy multiplies by; nothing where it is a library that is not known."""
    everything = ThreadpoolController()
    paths = [one.filepath for one in everything.select(user_api="blas").lib_controllers]
    return everything.select(filepath=[path for path in paths if np.__name__ in path])
