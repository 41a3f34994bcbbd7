"""Who looks on while an operation works: events in, lines and bars out."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.wording import counted
from vitrail.service.cli.analysis_progress import AnalysisDisplay
from vitrail.service.cli.batch_progress import BatchDisplay
from vitrail.service.cli.folders import remembered
from vitrail.service.cli.images_progress import ImageDisplay
from vitrail.service.cli.interrupts import stop_on_interrupt
from vitrail.service.cli.progress import IndexDisplay, waiting
from vitrail.service.cli.text import one_line
from vitrail.service.cli.tuning import TuningDisplay
from vitrail.service.operations.progress import (
    AnalysisProgress,
    BatchProgress,
    CalibrationProgress,
    CollectionCreated,
    Event,
    GenerationProgress,
    ImageRefused,
    IndexProgress,
    Note,
    QueryProgress,
    RunBegins,
    TuningProgress,
)

if TYPE_CHECKING:
    from pathlib import Path

    from vitrail.indexer.indexing.options import IndexOptions
    from vitrail.indexer.indexing.progress import IndexCounts
    from vitrail.service.operations.answer_files import AnswerCounts
    from vitrail.service.operations.making import Generated


class _Viewer:
    """A context manager that is told of an operation's events.

    Attributes:
        cancellation: cancelled by Ctrl-C once the work proper has begun; before that, Ctrl-C ends
            the command.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.cancellation = Cancellation()
        self._quiet = quiet
        self._shown = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._shown.close()

    def _heed_signals(self) -> None:
        self._shown.enter_context(stop_on_interrupt(self.cancellation))


class GenerationViewer(_Viewer):
    """Shows a run of the generator.

    Args:
        quiet: show nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(quiet=quiet)
        self._display: ImageDisplay | None = None
        self._fitting: AnalysisDisplay | None = None

    def __call__(self, event: Event) -> None:
        """Show what happened."""
        if isinstance(event, CollectionCreated) and not self._quiet:
            told = f"new collection {event.directory}, encoder {event.encoder}"
            print(one_line(told), file=sys.stderr)
        elif isinstance(event, Note) and not self._quiet:
            _tell(event)
        elif isinstance(event, AnalysisProgress):
            self._fit(event)
        elif isinstance(event, GenerationProgress):
            self._update(event)
        elif isinstance(event, ImageRefused) and self._display is not None:
            self._display.refuse(event.image)

    def finish(self, made: Generated) -> None:
        """Print the summary."""
        if self._display is not None:
            self._display.finish(made)

    def _fit(self, event: AnalysisProgress) -> None:
        """Show how far a guard is; it also compares, later on, while images are counted."""
        if self._display is not None:
            return
        if self._fitting is None:
            self._heed_signals()
            display = AnalysisDisplay(quiet=self._quiet, doing=event.doing)
            self._fitting = self._shown.enter_context(display)
        self._fitting.update(event)

    def _update(self, event: GenerationProgress) -> None:
        if self._display is None:
            self._shown.close()
            self._heed_signals()
            display = ImageDisplay(quiet=self._quiet, total=event.total)
            self._display = self._shown.enter_context(display)
        if event.stage != "loading":
            self._display.update(event)


class IndexViewer(_Viewer):
    """Shows an index run, or one that embeds all anew.

    Args:
        quiet: show nothing.
        said: what was said of the folders this time; what holds besides is shown.
        doing: what it begins with.
    """

    def __init__(
        self, *, quiet: bool, said: IndexOptions | None = None, doing: str = "scanning folders"
    ) -> None:
        super().__init__(quiet=quiet)
        self._said, self._doing = said, doing
        self._display: IndexDisplay | None = None

    def begin(self) -> IndexDisplay:
        """The line, which is there from when it is first asked for."""
        if self._display is None:
            self._heed_signals()
            display = IndexDisplay(quiet=self._quiet, doing=self._doing)
            self._display = self._shown.enter_context(display)
        return self._display

    def __call__(self, event: Event) -> None:
        """Show what happened."""
        if isinstance(event, RunBegins):
            self.begin().name_encoder(event.encoder)
            if self._said is not None:
                self.begin().remind(remembered(event.plans, self._said))
        elif isinstance(event, IndexProgress):
            self.begin().update(event.counts)
        elif isinstance(event, CalibrationProgress):
            self.begin().calibrate(event.done, event.total)
        elif isinstance(event, AnalysisProgress):  # an index is built, elsewhere
            self.begin().build(event.doing, event.done, event.total)
        elif isinstance(event, Note):
            self.begin().remind([f"note: {event.text}"])

    def finish(self, counts: IndexCounts) -> None:
        """Print the summary of an index run."""
        self.begin().finish(counts)


class CalibrationViewer(_Viewer):
    """Shows how far calibrating is.

    Args:
        quiet: show nothing but notes.
    """

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(quiet=quiet)
        self._display: IndexDisplay | None = None

    def __call__(self, event: Event) -> None:
        """Show what happened."""
        if isinstance(event, CalibrationProgress):
            if self._display is None:
                self._heed_signals()
                display = IndexDisplay(quiet=self._quiet, doing="calibrating")
                self._display = self._shown.enter_context(display)
            self._display.calibrate(event.done, event.total)
        elif isinstance(event, Note):
            _tell(event)


class TuningViewer(_Viewer):
    """Shows how far the measuring of spaces is.

    Args:
        quiet: show nothing but notes.
    """

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(quiet=quiet)
        self._display: TuningDisplay | None = None

    def __call__(self, event: Event) -> None:
        """Show what happened."""
        if isinstance(event, TuningProgress):
            if self._display is None:
                self._heed_signals()
                self._display = self._shown.enter_context(TuningDisplay(quiet=self._quiet))
            self._display.update(event)
        elif isinstance(event, CalibrationProgress) and self._display is not None:
            self._display.calibrate(event.done, event.total)
        elif isinstance(event, Note):
            _tell(event)


class AnalysisViewer(_Viewer):
    """Shows how far an analysis is.

    Args:
        quiet: show nothing but notes.
        doing: what it begins with.
    """

    def __init__(self, *, quiet: bool, doing: str = "reading vectors") -> None:
        super().__init__(quiet=quiet)
        self._doing = doing
        self._display: AnalysisDisplay | None = None

    def __enter__(self) -> Self:
        self._heed_signals()
        return self

    def __call__(self, event: Event) -> None:
        """Show what happened."""
        if isinstance(event, AnalysisProgress):
            self._begin().update(event)
        elif isinstance(event, Note):
            _tell(event)

    def _begin(self) -> AnalysisDisplay:
        if self._display is None:
            display = AnalysisDisplay(quiet=self._quiet, doing=self._doing)
            self._display = self._shown.enter_context(display)
        return self._display


class SearchViewer(_Viewer):
    """Shows where a search is."""

    def __init__(self) -> None:
        super().__init__()
        self._display: ImageDisplay | None = None

    def __call__(self, event: Event) -> None:
        """Show what is done now, and tell notes."""
        if isinstance(event, Note):
            _tell(event)
        elif isinstance(event, QueryProgress) and event.stage == "comparing":
            self._count(event)
        elif isinstance(event, QueryProgress):
            self._shown.close()
            self._display = None
            if text := _WAITING.get(event.stage):
                images = counted(event.total, "image")
                self._shown.enter_context(waiting(text.format(images=images)))

    def _count(self, event: QueryProgress) -> None:
        if self._display is None:
            self._shown.close()
            display = ImageDisplay(quiet=False, total=event.total)
            self._display = self._shown.enter_context(display)
        if event.done:
            self._display.count("unrelated prompts", event.done, event.total)


class BatchViewer(_Viewer):
    """Shows how many of many questions are answered."""

    def __init__(self) -> None:
        super().__init__()
        self._display: BatchDisplay | None = None

    def __call__(self, event: Event) -> None:
        """Show what happened."""
        if isinstance(event, BatchProgress):
            self._begin().update(event)

    def finish(self, counts: AnswerCounts, path: Path) -> None:
        """Print the summary."""
        self._begin().finish(counts, path)

    def _begin(self) -> BatchDisplay:
        if self._display is None:
            self._display = self._shown.enter_context(BatchDisplay())
        return self._display


def _tell(note: Note) -> None:
    """Print a note, which may quote a prompt or a name of whatever characters."""
    print(one_line(f"note: {note.text}"), file=sys.stderr)


_WAITING = {
    "embedding": "looking at the image",
    "reading": "reading the text",
    "generating": "making {images} of the prompt to search by",
    "explaining": "comparing the patches of the hits",
}
