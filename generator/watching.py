"""Watching a generation: progress by step, and the wish to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vitrail.indexer.errors import GenerationError


class GenerationCancelledError(GenerationError):
    """A generation stopped because it was asked to; nothing of it was written."""

    code = "cancelled"


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks on.

    Attributes:
        on_step: called after every denoising step with (steps done, steps in all).
        cancel: asked after every step; once it says yes, the generation stops.
    """

    on_step: Callable[[int, int], None] | None = None
    cancel: Callable[[], bool] | None = None

    def check(self) -> None:
        """Stop if asked to.

        Raises:
            GenerationCancelledError: ``cancel`` said yes.
        """
        if self.cancel is not None and self.cancel():
            raise GenerationCancelledError("generation cancelled; run it again to go on")

    def step(self, done: int, total: int) -> None:
        """Report a step, then stop if asked to.

        Raises:
            GenerationCancelledError: ``cancel`` said yes.
        """
        if self.on_step is not None:
            self.on_step(done, total)
        self.check()


UNWATCHED = Watch()
"""Nobody looks on."""
