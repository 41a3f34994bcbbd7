"""How a run is shown: a live bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING

from service.output import one_line

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from indexer.indexing.pipeline import Progress
    from indexer.indexing.reembedding import Reembedding
    from service.making import Made

PLAIN_SECONDS = 10.0  # between two lines when nobody watches
_UNREADABLE = 5  # of them are named


class IndexDisplay:
    """Shows an index run; a context manager.

    Args:
        quiet: show nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: Bar | None = None
        self._task = 0
        self._started = time.monotonic()
        self._last_line = self._started
        self._first: float | None = None
        if not quiet and sys.stderr.isatty():
            self._bar = _make_bar()

    def __enter__(self) -> IndexDisplay:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("scanning", total=None, counts="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def loading(self, text: str) -> None:
        """Say which encoder is being loaded."""
        self._line(f"encoder: {text}")

    def update(self, progress: Progress) -> None:
        """Show the counts so far."""
        if self._first is None:
            self._first = time.monotonic()  # loading the encoder is no part of the rate
        if self._bar is not None:
            self._bar.update(
                self._task,  # type: ignore[arg-type]
                # a run's time is set when all is committed: the collection is closed next
                description="tidying" if progress.seconds else "indexing",
                total=progress.total,
                completed=progress.opened,
                counts=f"{_counts(progress)}, {self._rate(progress):.1f}/s",
            )
        elif not self._quiet and time.monotonic() - self._last_line >= PLAIN_SECONDS:
            self._last_line = time.monotonic()
            done = f"{progress.opened}/{progress.total} files"
            self._line(f"{done}; {_counts(progress)}; {self._eta(progress)}")

    def finish(self, progress: Progress) -> None:
        """Print the summary, and how to go on after an interruption."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._quiet:
            return
        rate = f", {progress.encoded / progress.seconds:.1f} images/s" if progress.encoded else ""
        self._line(
            f"{progress.found} files in {progress.seconds:.1f} s{rate}: {_counts(progress)}, "
            f"{progress.unchanged} unchanged, {progress.gone} gone"
        )
        for path in progress.unreadable[:_UNREADABLE]:
            self._line(f"not readable, what is known of it is kept: {one_line(path)}")
        if len(progress.unreadable) > _UNREADABLE:
            self._line(f"and {len(progress.unreadable) - _UNREADABLE} more that are not readable")
        if progress.rejected:
            self._line('the rejected files and the reasons: "vitrail rejects"')
        if progress.interrupted:
            self._line("interrupted; what was done is kept. Run the same command to go on.")

    def finish_reembedding(self, made: Reembedding) -> None:
        """Print what came of embedding anew."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        progress = made.progress
        rate = f" ({progress.encoded / progress.seconds:.1f}/s)" if progress.encoded else ""
        before = f", {progress.unchanged} by an earlier run" if progress.unchanged else ""
        self._line(
            f"{progress.encoded} images embedded anew in {progress.seconds:.1f} s{rate}{before}"
        )
        if progress.interrupted:
            self._line(
                "interrupted; the collection is as it was, and what was embedded is kept. Run the "
                "same command to go on."
            )
        elif made.lost:
            self._line(f"{len(made.lost)} images that no file holds any more are out")

    def _rate(self, progress: Progress) -> float:
        elapsed = time.monotonic() - (self._first or self._started)
        return progress.opened / elapsed if elapsed > 0 else 0.0

    def _eta(self, progress: Progress) -> str:
        rate = self._rate(progress)
        if not rate:
            return "starting"
        left = timedelta(seconds=round((progress.total - progress.opened) / rate))
        return f"{rate:.1f} files/s, {left} left"

    def _line(self, text: str) -> None:
        if not self._quiet:
            if self._bar is None:
                _print(text)
            else:  # a digest in square brackets is no markup
                self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)


class MakingDisplay:
    """Shows a run of the generator; a context manager.

    Args:
        quiet: show nothing.
        total: images to be made.
    """

    def __init__(self, *, quiet: bool, total: int) -> None:
        self._quiet = quiet
        self._started = self._last_line = time.monotonic()
        self._bar = _make_bar() if not quiet and sys.stderr.isatty() else None
        self._task = self._bar.add_task("generating", total=total, counts="") if self._bar else None

    def __enter__(self) -> MakingDisplay:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def step(self, done: int, total: int) -> None:
        """Show a denoising step of the image being made."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, counts=f"step {done} of {total}")

    def update(self, made: Made) -> None:
        """Show how many images there are."""
        done = made.made + made.there
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done)
        elif not self._quiet and time.monotonic() - self._last_line >= PLAIN_SECONDS:
            self._last_line = time.monotonic()
            _print(f"{done}/{made.total} images")

    def finish(self, made: Made) -> None:
        """Print the summary, and how to go on after an interruption."""
        if self._bar is not None:
            self._bar.stop()
        if self._quiet:
            return
        seconds = time.monotonic() - self._started
        there = f", {made.there} there already" if made.there else ""
        _print(f"{made.made} made and indexed in {seconds:.1f} s{there}")
        for note in made.notes:
            _print(f"note: {note}")
        if made.interrupted:
            _print("interrupted; what was made is kept. Run the same command to go on.")


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _counts(progress: Progress) -> str:
    linked = f", {progress.linked} copies or moved" if progress.linked else ""
    return f"{progress.encoded} new{linked}, {progress.rejected} rejected"


def _make_bar() -> Bar:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
