"""Where jobs are asked for: looked at, refused at once where they are bound to fail, and taken."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response

from vitrail.service.http.asking import OverLimitError
from vitrail.service.http.hosting import Asked
from vitrail.service.http.jobs.images import keep_image
from vitrail.service.http.jobs.kinds import Setting
from vitrail.service.http.jobs.records import NewJob
from vitrail.service.http.jobs.registry import KINDS
from vitrail.service.http.jobs.runner import JobRunner
from vitrail.service.http.schemas.bodies import JobBody
from vitrail.service.http.schemas.jobs import JobReply
from vitrail.service.http.security.callers import Caller, owner_of
from vitrail.service.http.security.effects import only_reads
from vitrail.service.http.security.guarding import CalledBy, demand
from vitrail.service.http.security.scopes import KeyScope

MOST_BYTES = 256 << 10
"""Of what a job is asked with, beside its images."""
ADMIN_KINDS = frozenset({"index", "trash"})
"""Kinds that look at files of the machine beside those of the collection, or take them away."""


async def runner_of(request: Request) -> JobRunner:
    """What does the jobs of the service that a request came to."""
    runner: JobRunner = request.app.state.runner
    return runner


DoneBy = Annotated[JobRunner, Depends(runner_of)]


@dataclass(frozen=True, slots=True)
class JobDesk:
    """Takes jobs on for one request.

    Attributes:
        runner: that does them.
        collection: name of the collection that they are about.
        caller: who asks.
        response: whose headers tell where the job is found.
        root: below which a proxy shows the service, without a slash at its end.
        key: by which it is asked for only once.
    """

    runner: JobRunner
    collection: str
    caller: Caller
    response: Response
    root: str
    key: str | None

    def ask(self, kind: str, body: JobBody) -> JobReply:
        """Take a job on.

        Args:
            kind: of job.
            body: what it is asked with.

        Raises:
            NotAllowedError: the caller may not.
            ReadOnlyError: it writes, and the service only reads.
            VitrailError: it is bound to fail.
            KeyReusedError: the key stands for something else.
            QueueFullError: too many wait.
            ShareTakenError: too many of the caller's do.
            OverLimitError: it takes too much to describe.
        """
        known = KINDS[kind]
        if kind in ADMIN_KINDS:
            demand(self.caller, KeyScope.ADMIN)
        owner = owner_of(self.caller, self.runner.options)
        setting = self.runner.setting(self.collection, owner)
        if setting.options.read_only and known.writes(body):
            raise only_reads()
        key, digest = self._key(), _digest(kind, self.collection, body)
        # first of all, since an upload or a folder may be gone that was there when it was asked for
        job = None if key is None else self.runner.store.known(key, digest)
        new = False
        if job is None:
            job, new = self.runner.store.add(self._work(kind, body, setting), key, digest)
        if new:
            self.runner.wake()
        else:
            self.response.headers["Idempotent-Replayed"] = "true"
        self.response.headers["Location"] = f"{self.root}/v1/jobs/{job.id}"
        return told(self.runner, job.id)

    def _work(self, kind: str, body: JobBody, setting: Setting) -> NewJob:
        """What is to be done, its images kept, refused where it is bound to fail."""
        known = KINDS[kind]
        kept = body.keeping(lambda image: keep_image(setting, image))
        known.check(setting, kept)
        parameters = kept.model_dump(mode="json", by_alias=True, exclude_unset=True)
        inputs = [image.upload for image in kept.image_members() if image.upload is not None]
        _check_size(parameters)
        names = tuple(dict.fromkeys(inputs))
        return NewJob(kind, known.lane, self.collection, parameters, names, setting.owner)

    def _key(self) -> str | None:
        """The key, which is the caller's own: others may use the same."""
        return None if self.key is None else f"{self.caller.key or ''}:{self.key}"


def told(runner: JobRunner, name: str) -> JobReply:
    """A job as it is now.

    Raises:
        UnknownJobError: there is none of this id.
    """
    job = runner.now(runner.store.get(name))
    return JobReply.of(job, runner.store.position(job))


def _check_size(parameters: Mapping[str, Any]) -> None:
    """Refuse what would make lists of jobs long to read, for good."""
    size = len(json.dumps(parameters))
    if size > MOST_BYTES:
        raise OverLimitError(
            f"the job takes {size:,} bytes to describe, without its images, and may take "
            f"{MOST_BYTES:,}",
            remedy="ask for several jobs",
        )


def _digest(kind: str, collection: str, body: JobBody) -> str:
    """Of all that is asked for, as it came: the same body is known though it could not be kept."""
    given = body.model_dump(mode="json", by_alias=True, exclude_unset=True)
    asked = json.dumps([kind, collection, given], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()


def _desk(
    request: Request,
    hosted: Asked,
    runner: DoneBy,
    caller: CalledBy,
    response: Response,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            description="Any text; the same key with the same body makes the same job, once.",
        ),
    ] = None,
) -> JobDesk:
    root: str = request.scope.get("root_path", "")
    return JobDesk(runner, hosted.name, caller, response, root, idempotency_key)


AtDesk = Annotated[JobDesk, Depends(_desk)]
"""Where a request asks for jobs."""
