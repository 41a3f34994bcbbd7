"""How a run is shown: a live line in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

from vitrail.indexer.wording import counted
from vitrail.service.cli.folders import other_kinds
from vitrail.service.cli.text import one_line
from vitrail.service.operations.progress import Event, Note, QueryProgress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from vitrail.indexer.indexing.pipeline import Progress
    from vitrail.indexer.indexing.reembedding import Reembedding
    from vitrail.service.operations.making import Made

PLAIN_SECONDS = 10.0  # between two lines when nobody watches
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


class _Display:
    """A line that is always up to date in a terminal, and now and then a plain one elsewhere."""

    def __init__(self, *, quiet: bool, doing: str) -> None:
        self._quiet = quiet
        self._started = self._last_line = time.monotonic()
        self._bar: Bar | None = None
        if not quiet and sys.stderr.isatty():
            self._bar = _make_bar()
            self._task = self._bar.add_task(doing, total=None, counts="")

    def __enter__(self) -> Self:
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

    def _line(self, text: str) -> None:
        if self._quiet:
            return
        if self._bar is None:
            print(one_line(text), file=sys.stderr, flush=True)
        else:  # a digest in square brackets is no markup
            self._bar.console.print(one_line(text), markup=False, highlight=False, soft_wrap=True)


class IndexDisplay(_Display):
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

    def update(self, progress: Progress) -> None:
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
            f"{_clock((total - done) / rate)} left" if rate and done < total else "",
            f"{progress.rejected:,} rejected" if progress.rejected else "",
        )

    def finish(self, progress: Progress) -> None:
        """Print the summary, and how to go on after an interruption."""
        self._stop()
        if self._quiet:
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

    def finish_reembedding(self, made: Reembedding) -> None:
        """Print what came of embedding anew."""
        self._stop()
        progress = made.progress
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

    def _rate(self, progress: Progress) -> float:
        elapsed = time.monotonic() - (self._first or self._started)
        return progress.opened / elapsed if elapsed > 0 else 0.0


class MakingDisplay(_Display):
    """Shows a run of the generator; a context manager.

    Args:
        quiet: show nothing.
        total: images to be made.
    """

    def __init__(self, *, quiet: bool, total: int) -> None:
        super().__init__(quiet=quiet, doing="loading the model")
        self._total, self._done, self._made = total, 0, 0

    def step(self, done: int, total: int) -> None:
        """Show a denoising step of the image being made."""
        self._show_images("generating", f"step {done} of {total}")

    def update(self, made: Made) -> None:
        """Show how many images there are."""
        self._done, self._made = made.made + made.there, made.made
        self._show_images(made.stage)

    def count(self, doing: str, done: int, total: int) -> None:
        """Show how many of the images there are that are made beside what was asked for."""
        self._made += done - self._done
        self._done, self._total = done, total
        self._show_images(doing)

    def finish(self, made: Made) -> None:
        """Print the summary, and how to go on after an interruption."""
        self._stop()
        seconds = time.monotonic() - self._started
        there = f", {made.there:,} there already" if made.there else ""
        self._line(f"{made.made:,} made and indexed in {seconds:.1f} s{there}")
        for note in made.notes:
            self._line(f"note: {note}")
        if made.interrupted:
            self._line("interrupted; what was made is kept. Run the same command to go on.")

    def _show_images(self, doing: str, step: str = "") -> None:
        left = ""
        if self._made and self._done < self._total:  # those that were there took no time
            each = (time.monotonic() - self._started) / self._made
            left = f"{_clock(each * (self._total - self._done))} left"
        images = f"{self._done:,} of {counted(self._total, 'image')}"
        self._show(doing, self._done, self._total, images, step, left)


class SearchDisplay:
    """Shows where a search is; a context manager, which is told of its events."""

    def __init__(self) -> None:
        self._shown = ExitStack()
        self._making: MakingDisplay | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._shown.close()

    def __call__(self, event: Event) -> None:
        """Show what is done now, and tell notes."""
        if isinstance(event, Note):
            print(f"note: {event.text}", file=sys.stderr)
        elif isinstance(event, QueryProgress) and event.stage == "comparing":
            self._count(event)
        elif isinstance(event, QueryProgress):
            self._shown.close()
            self._making = None
            if text := _WAITING.get(event.stage):
                images = counted(event.total, "image")
                self._shown.enter_context(waiting(text.format(images=images)))

    def _count(self, event: QueryProgress) -> None:
        if self._making is None:
            self._shown.close()
            self._making = MakingDisplay(quiet=False, total=event.total)
            self._shown.enter_context(self._making)
        if event.done:
            self._making.count("unrelated prompts", event.done, event.total)


_WAITING = {
    "embedding": "looking at the image",
    "generating": "making {images} of the prompt to search by",
}


def _counts(progress: Progress) -> str:
    told = [f"{progress.encoded:,} new"]
    told += [f"{progress.returned:,} came back"] if progress.returned else []
    told += [f"{progress.moved:,} moved"] if progress.moved else []
    told += [counted(progress.linked, "copy", "copies")] if progress.linked else []
    return ", ".join([*told, f"{progress.rejected:,} rejected"])


def _more(progress: Progress) -> str:
    """Counts that are nought in most runs."""
    counts = {
        "missing but still found": progress.missing,
        "excluded": progress.excluded,
        "relabelled": progress.relabelled,
        "read again": progress.reread,
        "classified": progress.classified,
    }
    return "".join(f", {count:,} {name}" for name, count in counts.items() if count)


def _clock(seconds: float) -> str:
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
