"""How far the building of indexes is: told to whoever looks on, and ended where that is wished.

Whoever builds asks ``building`` for the one who looks on; ``watching_builds`` says who that is for
all that is done within, however deep. Neither need know the other, as with ``heeding``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeAlias

from vitrail.indexer.cancellation import check_heeded
from vitrail.indexer.errors import CancelledError

_log = logging.getLogger("vitrail")

PATIENCE = 1.0
"""Seconds of building that nobody is told of, and that are not worth to be ended for."""

OnStep: TypeAlias = Callable[[str, int, int], None]
"""What is done now, in a word; vectors done, rising up to how many. What it raises ends it."""


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """Where the building of an index is.

    Attributes:
        space: whose index.
        stage: what is done now, in a word: ``reading``, ``gathering``, ``sampling``, ``training``,
            ``coding``, ``measuring``, ``linking``, ``ordering`` or ``writing``.
        done: vectors for which that is done.
        total: of how many; of those compared several times, as often as they are.
    """

    space: str
    stage: str
    done: int
    total: int

    @property
    def doing(self) -> str:
        """Both in a few words."""
        return f"index of {self.space}: {self.stage}"


OnBuild: TypeAlias = Callable[[BuildProgress], None]
Watch: TypeAlias = Callable[[], AbstractContextManager[OnBuild]]
"""Gives whoever is told while indexes are built, one after the other."""

_WATCH: ContextVar[Watch | None] = ContextVar("vitrail-watch", default=None)


def no_step(_stage: str, _done: int, _total: int, /) -> None:
    """Looks away."""


def _nobody(_: BuildProgress, /) -> None:
    """Looks away."""


@contextmanager
def watching_builds(watch: Watch) -> Iterator[None]:
    """Let somebody look on at the indexes that are built within, by this thread.

    Args:
        watch: asked each time that any are about to be built. What it gives may raise
            ``CancelledError``, which ends the building.
    """
    token = _WATCH.set(watch)
    try:
        yield
    finally:
        _WATCH.reset(token)


class Building:
    """Indexes that are built one after the other; what ends one of them ends all.

    Args:
        told: whoever looks on.
        ended: whether it is to end as soon as it has lasted, as what it follows was ended.

    Attributes:
        unbuilt: spaces whose index was not built since that was to end.
    """

    def __init__(self, told: OnBuild = _nobody, *, ended: bool = False) -> None:
        self.unbuilt: list[str] = []
        self._told = told
        self._ended = ended
        self._begun = time.monotonic()

    def of(self, space: str) -> OnStep:
        """What is told of each step in the building of a space's index.

        It raises ``CancelledError`` where it is wished that the building ends.
        """

        def step(stage: str, done: int, total: int) -> None:
            if time.monotonic() - self._begun >= PATIENCE:
                if self._ended:
                    raise CancelledError("stopped before the index was built")
                check_heeded()
                self._told(BuildProgress(space, stage, done, total))

        return step


@contextmanager
def building(*, ended: bool = False) -> Iterator[Building]:
    """Build indexes before the eyes of whoever looks on.

    A line in the log says what was not built, as somebody wished that to end.

    Args:
        ended: see ``Building``.
    """
    watch = _WATCH.get()
    with nullcontext(_nobody) if watch is None else watch() as told:
        made = Building(told, ended=ended)
        yield made
    if made.unbuilt:
        which = "index" if len(made.unbuilt) == 1 else "indexes"
        _log.warning(
            "stopped before the %s of %s could be built: what was added is found all the same, and "
            "`vitrail tidy` builds what is missing",
            which,
            ", ".join(made.unbuilt),
        )
