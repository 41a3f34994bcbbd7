"""What is kept of a job: plain types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

JobState = Literal["queued", "waiting", "running", "done", "failed", "cancelled", "interrupted"]
PENDING: tuple[JobState, ...] = ("queued", "waiting")
"""States of jobs that have yet to run."""
OVER: tuple[JobState, ...] = ("done", "failed", "cancelled", "interrupted")
"""States that stay, unless somebody asks to try again."""
AGAIN: tuple[JobState, ...] = ("failed", "cancelled", "interrupted")
"""States out of which a job can be tried again."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """Something to do, before it has a number.

    Attributes:
        kind: such as ``index``.
        lane: whose jobs one worker does, one after the other.
        collection: name of the collection.
        parameters: what to do, of plain JSON types.
        inputs: names of the kept files that it needs; see ``JobFiles``.
        owner: who asked, where callers are told apart; empty otherwise.
    """

    kind: str
    lane: str
    collection: str
    parameters: Mapping[str, Any]
    inputs: tuple[str, ...] = ()
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One job, as the table has it.

    Attributes:
        id: 16 random hex digits.
        number: ascending by the time at which jobs were asked for.
        work: what is to be done.
        state: where it is; ``waiting`` is for another writer, ``interrupted`` by the end of the
            service.
        waiting_for: whom; ``None`` unless it is waiting.
        not_before: seconds since the epoch at which it is tried again.
        progress: where it was last, of plain JSON types.
        notes: what is to be known, a line each.
        tries: how often it was begun.
        created: UTC.
        started: of the last try.
        finished: when it came to a state that stays.
        problem: why it failed or was interrupted, as problem details.
        result: whether there is one.
    """

    id: str
    number: int
    work: NewJob
    state: JobState
    waiting_for: str | None
    not_before: float
    progress: Mapping[str, Any] | None
    notes: tuple[str, ...]
    tries: int
    created: datetime
    started: datetime | None
    finished: datetime | None
    problem: Mapping[str, Any] | None
    result: bool

    @property
    def is_over(self) -> bool:
        """Whether its state stays."""
        return self.state in OVER


@dataclass(frozen=True, slots=True)
class ChosenJobs:
    """Which jobs are listed.

    Attributes:
        states: of them; none for all.
        kinds: of them; none for all.
        collection: theirs; ``None`` for all.
        before: number that theirs are below; ``None`` for the newest.
        limit: how many at most.
    """

    states: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    collection: str | None = None
    before: int | None = None
    limit: int = 50
