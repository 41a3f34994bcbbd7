"""Jobs: asked for by kind, listed, followed, cancelled, tried again; and their results."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Literal, Union

import anyio
from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.exceptions import HTTPException
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field, create_model
from starlette.concurrency import run_in_threadpool

from vitrail.service.http.hosting import ServedBy
from vitrail.service.http.jobs.desk import ADMIN_KINDS, AtDesk, DoneBy, told
from vitrail.service.http.jobs.errors import JobStateError, NoResultError
from vitrail.service.http.jobs.records import OVER, ChosenJobs, Job, JobState
from vitrail.service.http.jobs.registry import KINDS
from vitrail.service.http.jobs.runner import JobRunner
from vitrail.service.http.routers.sessions import Ring
from vitrail.service.http.schemas.bodies import JobBody
from vitrail.service.http.schemas.jobs import JobReply, JobsReply
from vitrail.service.http.security.callers import owner_of
from vitrail.service.http.security.effects import BY_BODY, READS, only_reads
from vitrail.service.http.security.guarding import CalledBy, demand
from vitrail.service.http.security.scopes import KeyScope

router = APIRouter(tags=["jobs"])
RETRY_MILLISECONDS = 2000
_APART = 0.1  # seconds between two events of a stream

if TYPE_CHECKING:
    JobRequest = JobBody
else:

    def _named(name: str, body: type[JobBody]) -> type[JobBody]:
        """A body that says of what kind it is, in its examples, too."""
        short = body.__name__.removesuffix("Body")
        made = create_model(f"{short}Job", __base__=body, kind=(Literal[name], ...))
        told = (made.model_config.get("json_schema_extra") or {}).get("examples", [])
        examples = [{"kind": name, **one} for one in told]
        made.model_config["json_schema_extra"] = {"examples": examples}
        return made

    JobRequest = Annotated[
        Union[tuple(_named(name, kind.body) for name, kind in KINDS.items())],  # noqa: UP007
        Field(discriminator="kind"),
    ]
    """A kind, and what a job of it is asked with."""


@router.post("/jobs", status_code=202, openapi_extra=BY_BODY)
def add_job(desk: AtDesk, body: JobRequest) -> JobReply:
    """Ask for a job of any kind; each kind has an address of its own as well."""
    given = body.model_dump(exclude={"kind"}, exclude_unset=True, by_alias=True)
    kind: str = body.model_dump(include={"kind"})["kind"]
    return desk.ask(kind, KINDS[kind].read(given))


@router.get("/jobs")
def list_jobs(
    runner: DoneBy,
    state: Annotated[tuple[JobState, ...], Query(description="Any of these states.")] = (),
    kind: Annotated[tuple[str, ...], Query(description="Any of these kinds.")] = (),
    collection: Annotated[str | None, Query(description="Of this collection alone.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[
        int | None, Query(description="What a page gave as its next.", ge=1, lt=2**63)
    ] = None,
) -> JobsReply:
    """Jobs, the newest first; those that are over are kept for 30 days, 500 at most."""
    found = runner.store.chosen(ChosenJobs(state, kind, collection, after, limit + 1))
    page = [runner.now(job) for job in found[:limit]]
    return JobsReply(
        jobs=[JobReply.of(job, runner.store.position(job)) for job in page],
        next=page[-1].number if len(found) > limit else None,
    )


@router.get("/jobs/{job}")
def get_job(runner: DoneBy, job: str) -> JobReply:
    """One job: its state, place in the queue and progress."""
    return told(runner, job)


@router.delete("/jobs/{job}", status_code=202, openapi_extra=READS)
def cancel_job(runner: DoneBy, job: str) -> JobReply:
    """End a job: at once where it waits, in good order where it runs; what it did is kept."""
    runner.cancel(job)
    return told(runner, job)


@router.post("/jobs/{job}/retry", status_code=202, openapi_extra=BY_BODY)
def retry_job(runner: DoneBy, caller: CalledBy, served: ServedBy, job: str) -> JobReply:
    """Do a job after all that failed, was cancelled or interrupted; it keeps its id."""
    found = runner.store.get(job)
    if found.work.kind in ADMIN_KINDS:
        demand(caller, KeyScope.ADMIN)
    if served.read_only and runner.writes(found):
        raise only_reads()
    runner.retry(job, owner_of(caller, served))
    return told(runner, job)


@router.get("/jobs/{job}/result", response_class=FileResponse)
def get_result(runner: DoneBy, job: str) -> FileResponse:
    """What a job came to, as JSON; of a cancelled one, what it did until then."""
    found = runner.store.get(job)
    if not found.is_over:
        raise JobStateError(
            f"job {job} is {found.state}, and has no result yet", remedy="follow its events"
        )
    if not found.result:
        raise NoResultError(f"job {job} is {found.state}, and has no result")
    return FileResponse(runner.store.files.result(job), media_type="application/json")


@router.get(
    "/jobs/{job}/preview",
    response_class=Response,
    responses={
        200: {"content": {"image/webp": {}}, "description": "The image as it is now."},
        204: {"description": "There is none now."},
    },
)
def get_preview(runner: DoneBy, job: str) -> Response:
    """The image that a job makes, half-made; it is worked out only while somebody asks."""
    runner.store.get(job)
    data = runner.preview(job)
    if data is None:
        return Response(status_code=204)
    return Response(data, media_type="image/webp", headers={"Cache-Control": "no-store"})


def _followed(
    runner: DoneBy,
    job: str,
    last_event_id: Annotated[
        str | None, Header(description="Id of the last event that arrived.")
    ] = None,
) -> tuple[Job, str | None]:
    """The job, before a stream is begun: an error has to be told before that."""
    found = runner.store.get(job)
    if found.is_over and last_event_id == _event(told(runner, job)).id:
        raise HTTPException(204)  # by which browsers know not to ask again
    return found, last_event_id


@router.get("/jobs/{job}/events", response_class=EventSourceResponse)
async def follow_job(
    runner: DoneBy,
    ring: Ring,
    caller: CalledBy,
    followed: Annotated[tuple[Job, str | None], Depends(_followed)],
) -> AsyncIterator[ServerSentEvent]:
    """Events named ``job``, each with all of the job, until it is over.

    A client that comes again with ``Last-Event-ID`` is told at once what has changed since, and
    nothing where nothing has.
    """
    async for event in events_of(runner, *followed):
        if not ring.holds(caller.key):
            return  # it was revoked, or has expired, since the stream was begun
        yield event


async def events_of(
    runner: JobRunner, job: Job, last: str | None
) -> AsyncIterator[ServerSentEvent]:
    """An event for each change of a job that is met, the last one when it is over."""
    with runner.watchers.listening(job.id) as bell:
        while not runner.watchers.closed:
            reply = await run_in_threadpool(told, runner, job.id)
            event = _event(reply)
            if event.id != last:
                last = event.id
                yield event
            if reply.state in OVER:
                return
            await bell.wait()
            await anyio.sleep(_APART)  # what comes at once is told at once


def _event(reply: JobReply) -> ServerSentEvent:
    """All of a job, called by what it says: so an id means the same after a restart."""
    data = reply.model_dump_json()
    name = hashlib.sha256(data.encode()).hexdigest()[:16]
    return ServerSentEvent(raw_data=data, event="job", id=name, retry=RETRY_MILLISECONDS)
