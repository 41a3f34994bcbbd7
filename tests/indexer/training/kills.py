"""Processes that are killed at a moment of a run, by forks of this one."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable

import pytest


def killed(act: Callable[[], None]) -> int:
    """What a forked process that does something ends by: a signal's number, or 0."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads that do not come along
        pid = os.fork()
    if pid == 0:
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill_at(
    call: int,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    owner: object = os,
    by: signal.Signals = signal.SIGKILL,
) -> None:
    """Send the process a signal before the ``call``-th call of a function, of the system's or not.

    Args:
        call: from 0.
        name: of the function.
        monkeypatch: takes the function's place.
        owner: whose function it is.
        by: the signal.
    """
    real, calls = getattr(owner, name), iter(range(10_000))

    def counted(*given: object) -> object:
        if next(calls) == call:
            os.kill(os.getpid(), by)
        return real(*given)

    monkeypatch.setattr(owner, name, counted)
