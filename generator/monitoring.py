"""What a generation reports to while it runs: progress by step, and the wish to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from vitrail.indexer.cancellation import Cancellation

if TYPE_CHECKING:
    from PIL.Image import Image


class Preview(Protocol):
    """Looks at half-made images. Called from the thread that draws, which waits for it."""

    def wants(self) -> bool:
        """Whether it would look at one now; asked after each step, so that none is in vain."""

    def show(self, image: Image) -> None:
        """Look at what the latents of the last step are as an image (RGB)."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """A progress monitor of generations, which may cancel them.

    Attributes:
        on_step: called after every denoising step with (steps done, steps in all).
        cancellation: looked at after every step; once it is cancelled, the generation stops.
        preview: shown half-made images, of those steps after which it wants one.
    """

    on_step: Callable[[int, int], None] | None = None
    cancellation: Cancellation | None = None
    preview: Preview | None = None

    def check(self) -> None:
        """Stop if asked to; nothing of the image is written.

        Raises:
            CancelledError: ``cancellation`` is cancelled.
        """
        if self.cancellation is not None:
            self.cancellation.check()

    def step(self, done: int, total: int) -> None:
        """Report a step, then stop if asked to.

        Raises:
            CancelledError: ``cancellation`` is cancelled.
        """
        if self.on_step is not None:
            self.on_step(done, total)
        self.check()

    def part(self, before: int, whole: int) -> Monitor:
        """For the last part of work of ``whole`` steps, of which ``before`` are others'."""
        on_step = self.on_step
        if on_step is None:
            return self
        return replace(self, on_step=lambda done, _: on_step(before + done, whole))

    def show(self, half_made: Callable[[], Image]) -> None:
        """Work out the half-made image, where somebody wants to see it.

        Args:
            half_made: works it out of the latents.
        """
        if self.preview is not None and self.preview.wants():
            self.preview.show(half_made())


UNMONITORED = Monitor()
"""Takes no note of anything, and cancels nothing."""
