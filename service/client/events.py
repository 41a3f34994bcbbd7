"""How a job stands, and what it came to, as who looks on at the same work here is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitrail.indexer.indexing.progress import IndexCounts
from vitrail.service.client.readings import JobProgress, JobStatus, known
from vitrail.service.operations.building import NOUN
from vitrail.service.operations.making import Generated
from vitrail.service.operations.progress import (
    AnalysisProgress,
    Event,
    GenerationProgress,
    IndexProgress,
)


def event_of(status: JobStatus) -> Event | None:
    """Where a job is, as an event of its work; ``None`` where it tells nothing.

    Args:
        status: of a job that indexes or generates.
    """
    progress = status.progress
    if progress is None or progress.counts is None:
        return None  # it has not begun with what it counts
    if progress.unit == NOUN:  # an index is built on the way
        return AnalysisProgress(progress.stage, progress.done, progress.total, NOUN)
    return _generation(progress) if status.kind == "generate" else _indexing(progress)


def _indexing(progress: JobProgress) -> IndexProgress:
    told = {**(progress.counts or {}), "total": progress.total, "stage": progress.stage}
    return IndexProgress(known(IndexCounts, told))


def _generation(progress: JobProgress) -> GenerationProgress:
    counts = progress.counts or {}
    told = {"stage": progress.stage, "total": progress.total, **counts}
    told |= {"step": progress.step or 0, "steps": progress.steps or 0}
    return known(GenerationProgress, told)


def read_counts(result: Mapping[str, Any]) -> IndexCounts:
    """What an indexing job came to."""
    return known(IndexCounts, result)


def read_generated(result: Mapping[str, Any]) -> Generated:
    """What a generating job came to, but for its files, which are the service's."""
    return Generated(
        total=result["total"],
        made=result["made"],
        there=result["there"],
        notes=tuple(result["notes"]),
        interrupted=result["interrupted"],
    )
