"""Ctrl-C and its like: requests to stop in good order, and ends that leave nothing behind."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from vitrail.indexer.cancellation import Cancellation, heeding

# SIGHUP is what a terminal that is closed sends; Windows has none.
_ENDINGS = [
    number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None
]


_raised: list[int] = []  # signals that raised ``KeyboardInterrupt``


@contextmanager
def clean_ends() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise ``KeyboardInterrupt``, so that what is half written goes.

    SIGINT does so as ever. Outside the main thread nothing changes.

    Raises:
        KeyboardInterrupt: at the end at the latest, where typer has made an exit code of it.
    """
    _raised.clear()
    with _handling(_interrupt, [signal.SIGINT, *_ENDINGS]):
        yield
    if _raised:
        raise KeyboardInterrupt


def _interrupt(number: int, _frame: FrameType | None) -> None:
    _raised.append(number)
    raise KeyboardInterrupt


@contextmanager
def stop_on_interrupt(cancellation: Cancellation) -> Iterator[None]:
    """Turn the first SIGINT, SIGTERM or SIGHUP into a wish to stop.

    The second signal raises ``KeyboardInterrupt``. Outside the main thread, where signals cannot
    be handled, nobody ever wishes. A filter that takes long within heeds the wish too.

    Args:
        cancellation: cancelled by the first.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        if cancellation.cancelled:
            _interrupt(number, frame)
        cancellation.cancel()

    with _handling(handle, [signal.SIGINT, *_ENDINGS]), heeding(cancellation):
        yield


@contextmanager
def _handling(
    handle: Callable[[int, FrameType | None], None], numbers: list[signal.Signals]
) -> Iterator[None]:
    """Handle signals, but for those that are ignored: so nohup, and a shell's ``&``, want it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, handle) for number in wanted}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
