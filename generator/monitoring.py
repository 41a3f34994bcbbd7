"""What a generation reports to while it runs: progress by step, and the wish to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vitrail.indexer.cancellation import Cancellation


@dataclass(frozen=True, slots=True)
class Monitor:
    """A progress monitor of generations, which may cancel them.

    Attributes:
        on_step: called after every denoising step with (steps done, steps in all).
        cancellation: looked at after every step; once it is cancelled, the generation stops.
    """

    on_step: Callable[[int, int], None] | None = None
    cancellation: Cancellation | None = None

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


UNMONITORED = Monitor()
"""Takes no note of anything, and cancels nothing."""
