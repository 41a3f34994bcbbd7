"""Jobs as replies tell them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ConfigDict

from vitrail.service.http.jobs.records import Job, JobState
from vitrail.service.http.schemas.base import Open


class ProgressReply(Open):
    """Where a job is.

    Attributes:
        stage: what is done now, in words.
        done: of what is counted.
        total: of that; 0 while nothing is.
        unit: what one of these is called.
        step: within one of them, where that is told.
        steps: of how many.
        counts: what was found so far, by name.
    """

    stage: str
    done: int
    total: int
    unit: str
    step: int | None = None
    steps: int | None = None
    counts: dict[str, int] | None = None


class ProblemReply(Open):
    """Why a job came to nothing.

    Attributes:
        code: short and stable, for programs.
        detail: a line for people.
        remedy: what to do about it.
    """

    model_config = ConfigDict(extra="ignore")

    code: str
    detail: str
    remedy: str | None = None


class JobReply(Open):
    """A job.

    Attributes:
        id: by which it is asked about.
        kind: such as ``index``.
        collection: name of the collection.
        state: ``queued``, ``waiting`` (for another writer), ``running``, ``done``, ``failed``,
            ``cancelled`` or ``interrupted`` (by the end of the service).
        position: how many jobs come before it; ``null`` unless it has yet to run.
        waiting_for: whom it waits for.
        progress: where it is, or was last.
        notes: what is to be known, a line each.
        tries: how often it was begun.
        created_at: when it was asked for.
        started_at: when it was begun last.
        finished_at: when it ended.
        problem: why it came to nothing.
        result: whether there is a result to be fetched.
        parameters: what it was asked with; images that were given with it by their tokens.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "9f2c41d0a7be6653",
                    "kind": "generate",
                    "collection": "default",
                    "state": "running",
                    "position": None,
                    "waiting_for": None,
                    "progress": {
                        "stage": "generating",
                        "done": 1,
                        "total": 4,
                        "unit": "image",
                        "step": 12,
                        "steps": 30,
                        "counts": {"made": 1, "there": 0},
                    },
                    "notes": [],
                    "tries": 1,
                    "created_at": "2026-11-30T02:00:00Z",
                    "started_at": "2026-11-30T02:00:01Z",
                    "finished_at": None,
                    "problem": None,
                    "result": False,
                    "parameters": {"prompt": "a red apple", "n": 4},
                }
            ]
        }
    )

    id: str
    kind: str
    collection: str
    state: JobState
    position: int | None
    waiting_for: str | None
    progress: ProgressReply | None
    notes: list[str]
    tries: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    problem: ProblemReply | None
    result: bool
    parameters: dict[str, Any]

    @classmethod
    def of(cls, job: Job, position: int | None) -> JobReply:
        """A job as it is now.

        Args:
            job: which.
            position: how many come before it.
        """
        return cls(
            id=job.id,
            kind=job.work.kind,
            collection=job.work.collection,
            state=job.state,
            position=position,
            waiting_for=job.waiting_for,
            progress=None if job.progress is None else ProgressReply(**job.progress),
            notes=list(job.notes),
            tries=job.tries,
            created_at=job.created,
            started_at=job.started,
            finished_at=job.finished,
            problem=None if job.problem is None else ProblemReply(**job.problem),
            result=job.result,
            parameters=dict(job.work.parameters),
        )


class JobsReply(Open):
    """Some jobs, the newest first.

    Attributes:
        jobs: of this page.
        next: what ``after`` of the next page is; ``null`` at the end.
    """

    jobs: list[JobReply]
    next: int | None
