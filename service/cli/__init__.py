"""The ``vitrail`` command: parses what was typed, calls operations, renders what they return."""

import atexit
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


def main() -> None:
    """Run the command line; an interruption while it is being loaded is a line, too."""
    with _loading():
        from vitrail.service.cli.entry import main as run

        run()


@contextmanager
def _loading() -> Iterator[None]:
    """End by a line at an interruption that nothing else handles; but not where it is ignored.

    Outside the main thread, where signals cannot be handled, nothing changes. What has ended is
    not interrupted any more, however long Python takes to leave; ended is what has written out what
    it printed.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    try:
        signal.signal(signal.SIGINT, _end)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def _end(_number: int, _frame: FrameType | None) -> None:
    """End the process at once: nothing is begun yet, and an import may swallow what is raised.

    Or all is done, but for what was printed, which is being written out when ``clean_ends`` has
    given way to this again. What of that is not written yet is lost then, and the code says so:
    were it kept, Python would wait at its end for a reader who does not read.
    """
    try:
        os.write(2, b"vitrail: interrupted\n")
    finally:
        os._exit(130)


def __getattr__(name: str) -> Any:
    """``app`` is the application of all commands, made when it is asked for."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from vitrail.service.cli.application import whole

    return whole()
