"""Many small matrix products: by one thread, which does not wait for another."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController


class _Limit:
    """One thread for numpy's products as long as anybody wants it."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._users: Counter[int] = Counter()  # how often each thread wants it
        self._set: Any = None

    def take(self) -> None:
        with self._guard:
            if not self._users:
                _let_any_thread_set()
                self._set = _of_numpy().limit(limits=1)
            self._users[threading.get_ident()] += 1

    def give_back(self) -> None:
        with self._guard:
            own = threading.get_ident()
            self._users[own] -= 1
            if not self._users[own]:
                del self._users[own]
                self._restore()

    def hold(self) -> None:
        """Before a fork: what another thread has half set, the forked process could not restore."""
        self._guard.acquire()

    def let_go(self) -> None:
        """After it."""
        self._guard.release()

    def begin_anew(self) -> None:
        """In a forked process: no other thread is there to give back what it took."""
        self._guard = threading.RLock()
        for user in self._users.keys() - {threading.get_ident()}:
            del self._users[user]
            self._restore()

    def _restore(self) -> None:
        if not self._users:
            _let_any_thread_set()
            self._set.restore_original_limits()
            _let_any_thread_set()


_LIMIT = _Limit()
if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(
        before=_LIMIT.hold, after_in_parent=_LIMIT.let_go, after_in_child=_LIMIT.begin_anew
    )


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


def _let_any_thread_set() -> None:
    """What threadpoolctl from 3.8 on lets only the thread do that was the first to set a number.

    What others set has no effect there as long as that one lives, nor what they restore.
    """
    for library in _of_numpy().lib_controllers:
        clear = getattr(library, "clear_controlling_thread", None)
        if clear is not None:
            clear(force=True)


@cache
def _of_numpy() -> ThreadpoolController:
    """What numpy multiplies by; nothing where it is a library that is not known."""
    everything = ThreadpoolController()
    paths = [one.filepath for one in everything.select(user_api="blas").lib_controllers]
    return everything.select(filepath=[path for path in paths if np.__name__ in path])
