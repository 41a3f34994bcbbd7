"""Where long work is, as JSON: one shape for events of every kind."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from vitrail.indexer.indexing.progress import IndexCounts
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

_COUNTED = (
    *("found", "unchanged", "opened", "encoded", "linked", "moved", "returned", "rejected"),
    *("committed", "gone", "missing", "excluded", "relabelled", "reread", "classified"),
)


def progress_document(event: Event) -> dict[str, Any] | None:
    """Where the work is; ``None`` of an event that tells nothing of that.

    It has ``stage``, in words; ``done`` of ``total`` of what ``unit`` names, where ``total`` is 0
    while nothing is counted; and perhaps ``step`` of ``steps`` within one of these, and ``counts``.
    """
    return _told(event)


def _document(
    stage: str,
    done: int = 0,
    total: int = 0,
    unit: str = "image",
    **more: int | dict[str, int],
) -> dict[str, Any]:
    return {"stage": stage, "done": done, "total": total, "unit": unit, **more}


@singledispatch
def _told(event: Event) -> dict[str, Any] | None:
    raise TypeError(f"{event!r} is no event")


@_told.register(Note)
@_told.register(CollectionCreated)
@_told.register(ImageRefused)  # which what came of the run tells
def _(_event: Note | CollectionCreated | ImageRefused) -> None:
    return None


@_told.register
def _(event: RunBegins) -> dict[str, Any]:
    return _document("beginning", 0, len(event.plans), "folder")


@_told.register
def _(event: IndexProgress) -> dict[str, Any]:
    counts = event.counts
    return _document(counts.stage, counts.opened, counts.total, "file", counts=_counts(counts))


def _counts(counts: IndexCounts) -> dict[str, int]:
    told = counts.to_dict()
    return {name: told[name] for name in _COUNTED}


@_told.register
def _(event: GenerationProgress) -> dict[str, Any]:
    made = {"made": event.made, "there": event.there}
    return _document(
        event.stage, event.done, event.total, step=event.step, steps=event.steps, counts=made
    )


@_told.register
def _(event: QueryProgress) -> dict[str, Any]:
    return _document(event.stage, event.done, event.total)


@_told.register
def _(event: CalibrationProgress) -> dict[str, Any]:
    return _document("learning what scores mean", event.done, event.total)


@_told.register
def _(event: TuningProgress) -> dict[str, Any]:
    return _document(f"{event.stage} {event.what}".strip(), event.done, event.total)


@_told.register
def _(event: AnalysisProgress) -> dict[str, Any]:
    return _document(event.doing, event.done, event.total, event.noun)


@_told.register
def _(event: BatchProgress) -> dict[str, Any]:
    return _document("asking", event.done, event.total, "question")
