"""How a run is shown: a live line in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

from vitrail.indexer.wording import counted
from vitrail.service.cli.folders import other_kinds
from vitrail.service.cli.text import one_line

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from vitrail.indexer.indexing.pipeline import IndexCounts
    from vitrail.service.operations.indexing import Reembedded

PLAIN_SECONDS = 10.0  # between two lines when nobody watches
SOON = 2.0  # seconds before which nobody can tell how long it will take
PATIENCE = 0.3  # seconds in which nobody asks what is going on
_UNREADABLE = 5  # of them are named


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Say in a terminal what takes its time, once it does, and for as long."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    status = Console(stderr=True).status(one_line(text))
    timer = threading.Timer(PATIENCE, status.start)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()


class Display:
    """A line that is always up to date in a terminal, and now and then a plain one elsewhere.

    Attributes:
        current: the one that is shown.
    """

    current: ClassVar[Display | None] = None

    def __init__(self, *, quiet: bool, doing: str) -> None:
        self._quiet = quiet
        self._started = self._last_line = time.monotonic()
        self._bar: Bar | None = None
        self._stage, self._stage_began, self._stage_from = "", 0.0, 0
        if not quiet and sys.stderr.isatty():
            self._bar = _make_bar()
            self._task = self._bar.add_task(doing, total=None, counts="")

    def __enter__(self) -> Self:
        Display.current = self
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if Display.current is self:
            Display.current = None
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _show(self, doing: str, done: int, total: int | None, *counts: str) -> None:
        """Show how far it is; ``total`` is ``None`` while nobody knows."""
        shown = ", ".join(count for count in counts if count)
        if self._bar is not None:
            self._bar.update(
                self._task, description=doing, completed=done, total=total, counts=shown
            )
        elif time.monotonic() - self._last_line >= PLAIN_SECONDS:
            self._last_line = time.monotonic()
            self._line(f"{doing}: {shown}" if shown else doing)

    def calibrate(self, done: int, total: int) -> None:
        """Show that scores are calibrated, and how many images were copied for that."""
        self._show(
            "calibrating scores", done, total, f"{done:,} of {counted(total, 'image')} copied"
        )

    def build(self, doing: str, done: int, total: int) -> None:
        """Show how far an index is that is built, how fast that goes and how long it still takes.

        Args:
            doing: which index, and what is done now.
            done: vectors that it is done for.
            total: of them.
        """
        now = time.monotonic()
        if doing != self._stage or done < self._stage_from:
            self._stage, self._stage_began, self._stage_from = doing, now, done
        passed, made = now - self._stage_began, done - self._stage_from
        rate = made / passed if passed > SOON else 0.0
        self._show(
            doing,
            done,
            total,
            f"{done:,} of {total:,}",
            f"{rate:,.0f}/s" if rate else "",
            f"{clock((total - done) / rate)} left" if rate and done < total else "",
        )

    def _line(self, text: str) -> None:
        if self._quiet:
            return
        if self._bar is None:
            print(one_line(text), file=sys.stderr, flush=True)
        else:  # a digest in square brackets is no markup
            self._bar.console.print(one_line(text), markup=False, highlight=False, soft_wrap=True)


class IndexDisplay(Display):
    """Shows an index run; a context manager.

    Args:
        quiet: show nothing.
        doing: what it begins with.
    """

    def __init__(self, *, quiet: bool, doing: str = "scanning folders") -> None:
        super().__init__(quiet=quiet, doing=doing)
        self._first: float | None = None

    def name_encoder(self, text: str) -> None:
        """Say which encoder is used."""
        self._line(f"encoder: {text}")

    def remind(self, lines: Sequence[str]) -> None:
        """Say what holds though it was not said this time."""
        for line in lines:
            self._line(line)

    def update(self, progress: IndexCounts) -> None:
        """Show what is being done, and the counts so far."""
        if progress.stage == "scanning":
            found = f"{counted(progress.found, 'file')} so far" if progress.found else ""
            self._show("scanning folders", 0, None, found)
            return
        if self._first is None:
            self._first = time.monotonic()  # loading and scanning are no part of the rate
        done, total = progress.opened, progress.total
        rate = self._rate(progress)
        self._show(
            progress.stage,
            done,
            total,
            f"{done:,} of {counted(total, 'file')}",
            f"{rate:.1f}/s" if rate else "",
            f"{clock((total - done) / rate)} left" if rate and done < total else "",
            f"{progress.rejected:,} rejected" if progress.rejected else "",
        )

    def finish(self, progress: IndexCounts) -> None:
        """Print the summary, and how to go on after an interruption."""
        self._stop()
        if self._quiet:
            if progress.rejected:
                told = f"{counted(progress.rejected, 'file')} rejected"
                print(f'vitrail: {told}; the reasons: "vitrail rejects"', file=sys.stderr)
            return
        rate = f", {progress.encoded / progress.seconds:.1f} images/s" if progress.encoded else ""
        self._line(
            f"{counted(progress.found, 'file')} in {progress.seconds:.1f} s{rate}: "
            f"{_counts(progress)}, {progress.unchanged:,} unchanged, {progress.gone:,} gone"
            f"{_more(progress)}"
        )
        if progress.other_kinds:
            self._line(f"passed over: {other_kinds(progress.other_kinds)}")
        for folder in progress.absent:
            self._line(f"not there, what is known of it is kept: {one_line(folder)}")
        for path in progress.unreadable[:_UNREADABLE]:
            self._line(f"not readable, what is known of it is kept: {path}")
        if (more := len(progress.unreadable) - _UNREADABLE) > 0:
            self._line(f"and {counted(more, 'more that is', 'more that are')} not readable")
        if progress.rejected:
            self._line('the rejected files and the reasons: "vitrail rejects"')
        if progress.interrupted:
            self._line("interrupted; what was done is kept. Run the same command to go on.")

    def finish_reembedding(self, made: Reembedded) -> None:
        """Print what came of embedding anew."""
        self._stop()
        progress = made.counts
        rate = f" ({progress.encoded / progress.seconds:.1f}/s)" if progress.encoded else ""
        before = f", {progress.unchanged:,} by an earlier run" if progress.unchanged else ""
        images = counted(progress.encoded, "image")
        self._line(f"{images} embedded anew in {progress.seconds:.1f} s{rate}{before}")
        if progress.interrupted:
            self._line(
                "interrupted; the collection is as it was, and what was embedded is kept. Run the "
                "same command to go on."
            )
        elif made.lost:
            self._line(f"{counted(len(made.lost), 'image')} out that no file holds any more")
        if made.dropped:
            self._line(
                f"dropped {', '.join(made.dropped)}, fitted on the vectors of before: "
                '"vitrail whiten SPACE" fits one on those of now'
            )

    def _rate(self, progress: IndexCounts) -> float:
        elapsed = time.monotonic() - (self._first or self._started)
        return progress.opened / elapsed if elapsed > 0 else 0.0


def _counts(progress: IndexCounts) -> str:
    told = [f"{progress.encoded:,} new"]
    told += [f"{progress.returned:,} came back"] if progress.returned else []
    told += [f"{progress.moved:,} moved"] if progress.moved else []
    told += [counted(progress.linked, "copy", "copies")] if progress.linked else []
    return ", ".join([*told, f"{progress.rejected:,} rejected"])


def _more(progress: IndexCounts) -> str:
    """Counts that are nought in most runs."""
    counts = {
        "missing but still found": progress.missing,
        "excluded": progress.excluded,
        "relabelled": progress.relabelled,
        "read again": progress.reread,
        "classified": progress.classified,
    }
    return "".join(f", {count:,} {name}" for name, count in counts.items() if count)


def clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    return str(timedelta(seconds=round(seconds)))


def _make_bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[counts]}", markup=False),
        console=Console(stderr=True),
        transient=True,
        expand=True,
    )
