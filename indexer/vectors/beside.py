"""What is made beside questions: by a thread of its own, as long as somebody wants it.

No question waits for what only later ones gain by. The thread is a daemon, and looks between blocks
of some milliseconds whether it is still to go on: an interpreter that ends waits for such a block
alone, since a library may give back under a thread's hands what it works with. Its products take no
other thread (see ``one_thread``), and it holds no lock that others want. A process that is forked
meanwhile is without it, and begins anew.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from vitrail.indexer.errors import VitrailError
from vitrail.indexer.memory import is_out_of_memory
from vitrail.indexer.vectors.later import Later
from vitrail.indexer.vectors.one_thread import one_thread

T = TypeVar("T")
_PATIENCE = 2.0  # seconds that an interpreter which ends waits for a block, as of a slow disk
_LONGEST_REST = 0.05  # seconds
_running: set[_Making] = set()
_ending = False


class NotWantedError(Exception):
    """Nobody wants any more what is being made."""


class Beside:
    """Makes one thing at a time. Who begins one takes turns with others; anybody may wait."""

    def __init__(self) -> None:
        self._making: _Making | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being made."""
        return self._making is not None and not self._making.over.is_set()

    def begin(self, make: Callable[[Callable[[], None]], T], later: Later[T]) -> None:
        """Begin to make something, and return at once; nothing may be being made.

        Args:
            make: gives it. It is given what it calls after each block, and what that raises it lets
                through. If it raises ``NotWantedError``, nothing came of it; memory that ran out,
                and a file that is damaged or cannot be read, are failures, told to ``later``.
            later: is told what was made. Whatever is only to live as long as others want it, it
                and ``make`` hold weakly.
        """
        if _ending:
            return
        making = _Making(lambda: _make(make, later))
        _running.add(making)  # first: a process forked from here on must not wait for it
        self._making = making
        try:
            making.start()
        except (RuntimeError, MemoryError):  # no more threads
            making.end()
            later.failed()

    def wait(self) -> None:
        """Until what is being made is there, or nothing came of it."""
        making = self._making
        if making is not None:
            making.over.wait()


class _Making(threading.Thread):
    """The thread; ``over`` is set once it is done with what it was begun for."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(name="vitrail-beside", daemon=True)
        self.over = threading.Event()
        self._work = work

    def run(self) -> None:
        try:
            self._work()
        finally:
            self.end()

    def end(self) -> None:
        del self._work  # and what it holds, whose room others may claim now
        self.over.set()
        _running.discard(self)  # last, likewise


def _make(make: Callable[[Callable[[], None]], T], later: Later[T]) -> None:
    try:
        with one_thread():
            later.put(make(_Pace().keep))
    except NotWantedError:
        pass
    except BaseException as error:
        later.failed()
        if not (isinstance(error, (VitrailError, OSError)) or is_out_of_memory(error)):
            raise


class _Pace:
    """A rest after every block as long as that took: questions may have but one processor, too."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def keep(self) -> None:
        """Rest, and go on, unless the interpreter ends.

        Raises:
            NotWantedError: it does.
        """
        if not _ending:
            time.sleep(min(_LONGEST_REST, time.monotonic() - self._since))
        if _ending:
            raise NotWantedError
        self._since = time.monotonic()


def _end() -> None:
    """Let no thread be within a library when the interpreter ends."""
    global _ending
    _ending = True
    until = time.monotonic() + _PATIENCE
    for making in list(_running):
        making.over.wait(max(0.0, until - time.monotonic()))


def _begin_anew() -> None:
    """In a forked process, which has none of the threads."""
    for making in list(_running):
        making.over = threading.Event()  # the other one's lock may be held
        making.over.set()
    _running.clear()


atexit.register(_end)
if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_begin_anew)
