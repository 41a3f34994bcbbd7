"""How images that are generated are counted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vitrail.indexer.wording import counted
from vitrail.service.cli.generated import refusal_line
from vitrail.service.cli.progress import Display, clock

if TYPE_CHECKING:
    from vitrail.service.operations.making import Generated
    from vitrail.service.operations.progress import GenerationProgress
    from vitrail.service.operations.refusals import RefusedCopy


class ImageDisplay(Display):
    """Shows a run of the generator; a context manager.

    Args:
        quiet: show nothing.
        total: images to be made.
    """

    def __init__(self, *, quiet: bool, total: int) -> None:
        super().__init__(quiet=quiet, doing="loading the model")
        self._total, self._done, self._made = total, 0, 0

    def update(self, progress: GenerationProgress) -> None:
        """Show how many images there are, and the denoising step of the one being made."""
        self._done, self._made = progress.done, progress.made
        step = f"step {progress.step} of {progress.steps}" if progress.steps else ""
        self._show_images(progress.stage, step)

    def refuse(self, image: RefusedCopy) -> None:
        """Say that an image is not kept, and why."""
        self._line(refusal_line(image))

    def count(self, doing: str, done: int, total: int) -> None:
        """Show how many of the images there are that are made beside what was asked for."""
        self._made += done - self._done
        self._done, self._total = done, total
        self._show_images(doing)

    def finish(self, made: Generated) -> None:
        """Print the summary, and how to go on after an interruption."""
        self._stop()
        seconds = time.monotonic() - self._started
        told = f"{made.made:,} made and indexed in {seconds:.1f} s"
        told += f", {made.there:,} there already" if made.there else ""
        told += f", {counted(made.lacking, 'image')} refused" if made.lacking else ""
        self._line(told)
        for note in made.notes:
            self._line(f"note: {note}")
        if made.interrupted:
            self._line("interrupted; what was made is kept. Run the same command to go on.")

    def _show_images(self, doing: str, step: str = "") -> None:
        left = ""
        if self._made and self._done < self._total:  # those that were there took no time
            each = (time.monotonic() - self._started) / self._made
            left = f"{clock(each * (self._total - self._done))} left"
        images = f"{self._done:,} of {counted(self._total, 'image')}"
        self._show(doing, self._done, self._total, images, step, left)
