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


def kill_at(call: int, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process be killed before the ``call``-th call of a function of the system's."""
    real, calls = getattr(os, name), iter(range(10_000))

    def counted(*given: object) -> object:
        if next(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given)

    monkeypatch.setattr(os, name, counted)
