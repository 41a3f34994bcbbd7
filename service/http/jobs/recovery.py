"""What becomes of jobs that ran when the service ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitrail.service.http.jobs.records import Job

MOST_TRIES = 5
"""How often a job is taken up again by itself, where the service ended each time."""


def recovered(job: Job, *, resumable: bool, now: float) -> Mapping[str, Any]:
    """The columns of such a job from then on.

    Args:
        job: as it was left.
        resumable: whether it does what is left when it is run again.
        now: seconds since the epoch.
    """
    if resumable and job.tries < MOST_TRIES:
        return {"state": "queued"}
    problem = interruption(job, resumable=resumable)
    return {"state": "interrupted", "finished": now, "problem": problem}


def interruption(job: Job, *, resumable: bool) -> dict[str, Any]:
    """Why a job that ran when the service ended was not taken up again, as problem details."""
    if resumable:
        detail = f"the service ended each of the {job.tries} times that this job ran"
        remedy = "look into the service's log before it is tried again"
    else:
        detail = "the service ended while this job ran"
        remedy = "try it again: nothing was lost but its time"
    return {"code": "interrupted", "detail": detail, "remedy": remedy}
