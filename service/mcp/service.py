"""The service that tools ask, and the jobs that it does for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import anyio
from anyio import to_thread

from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import counted
from vitrail.service.client.jobs import ServedJob
from vitrail.service.client.transport import Parameters, Transport

DRAWING_SECONDS = 1800.0
"""That prompts may take to be drawn, on a machine without an accelerator."""
_SOONEST, _LATEST = 0.05, 1.0  # seconds between two looks at a job
_FAREWELL = 5.0  # seconds in which a job that nobody waits for any more has to be cancelled


class Listener(Protocol):
    """Who is told where long work is."""

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Hear of it; ``progress`` grows each time."""
        ...


class AskedService:
    """One collection of a service; threads may share it.

    Args:
        transport: to the service.
        collection: name of the collection; the service's first where it is ``None``.
    """

    def __init__(self, transport: Transport, collection: str | None = None) -> None:
        self._transport = transport
        self._named = {} if collection is None else {"collection": collection}

    def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """What the service tells, as JSON has it.

        Raises:
            VitrailError: as of the problem that it tells, or ``ServiceError``.
        """
        return self._transport.get(path, {**self._named, **(parameters or {})})

    def get_bytes(self, path: str, parameters: Parameters) -> bytes:
        """The same, of what is no JSON."""
        return self._transport.get_bytes(path, {**self._named, **parameters})

    def thumbnails(self, ids: Sequence[int], size: str) -> list[bytes]:
        """Small copies of images as WebP, as far as they can be made.

        Args:
            ids: of the images; of one whose files are away there is none.
            size: ``small``, ``medium`` or ``large``.

        Raises:
            VitrailError: as of ``get``, but for images that cannot be shown.
        """
        found = []
        for one in ids:
            with suppress(InputError):
                found.append(self.get_bytes(f"images/{one}/thumbnail", {"size": size}))
        return found

    def ask(self, path: str, body: Mapping[str, Any], patience: float = 0) -> Any:
        """What it answers to a question; errors as of ``get``."""
        return self._transport.ask(path, dict(body), self._named, patience)

    def upload(self, data: bytes) -> str:
        """Hand an image in; its token."""
        return str(self._transport.upload("uploads", data)["upload"])

    async def do(self, kind: str, body: Mapping[str, Any], listener: Listener) -> dict[str, Any]:
        """Ask for a job and wait for it; its result. Whoever is cancelled meanwhile cancels it.

        Args:
            kind: of job.
            body: what it is asked with.
            listener: told where it is.

        Raises:
            VitrailError: why it failed, by the code of its problem.
        """
        told = await to_thread.run_sync(
            self._transport.change, "POST", kind, dict(body), self._named
        )
        job = ServedJob(self._transport, told)
        try:
            await _over(job, listener)
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(_FAREWELL, shield=True):
                await to_thread.run_sync(job.cancel)
            raise
        return await to_thread.run_sync(job.result)


async def _over(job: ServedJob, listener: Listener) -> None:
    """Wait for the end of a job, and tell where it is whenever that has changed."""
    pause, before, told = _SOONEST, "", 0
    while not job.status.is_over:
        now = _words(job)
        if now != before:
            before, told, pause = now, told + 1, _SOONEST
            # the protocol wants a number that grows, which the parts of a job do not have in common
            await listener.report_progress(told, message=now)
        await anyio.sleep(pause)
        pause = min(1.5 * pause, _LATEST)
        await to_thread.run_sync(job.refresh)


def _words(job: ServedJob) -> str:
    """Where a job is, in words."""
    status, progress = job.status, job.status.progress
    if progress is None:
        return status.state
    total = counted(progress.total, progress.unit) if progress.unit else f"{progress.total:,}"
    return f"{progress.stage} {progress.done:,} of {total}" if progress.total else progress.stage
