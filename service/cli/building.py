"""Indexes that are built on the way: how far that is, and how it is ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from vitrail.indexer.building import BuildProgress, OnBuild, watching_builds
from vitrail.indexer.cancellation import Cancellation, heeded
from vitrail.service.cli.interrupts import stop_on_interrupt


def showing_builds() -> AbstractContextManager[None]:
    """Show how far indexes are that any command builds, and let Ctrl-C end only that.

    Where a command heeds Ctrl-C already, it ends what that does.
    """
    return watching_builds(_watched)


@contextmanager
def _watched() -> Iterator[OnBuild]:
    with ExitStack() as shown:
        if heeded() is None:
            shown.enter_context(stop_on_interrupt(Cancellation()))
        yield _View(shown)


class _View:
    """Shows it in the line of the command, or in one of its own.

    Args:
        shown: closed when all are built.
    """

    def __init__(self, shown: ExitStack) -> None:
        self._shown = shown

    def __call__(self, event: BuildProgress) -> None:
        from vitrail.service.cli.progress import Display

        if Display.current is None:
            if threading.current_thread() is not threading.main_thread():
                return  # a request of a service
            self._shown.enter_context(Display(quiet=False, doing=event.doing))
        if Display.current is not None:
            Display.current.build(event.doing, event.done, event.total)
