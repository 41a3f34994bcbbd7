"""Long work that a service does: followed, waited for, cancelled, its result fetched."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vitrail.indexer.callbacks import check_callback
from vitrail.indexer.errors import CancelledError
from vitrail.service.client.errors import ServiceError, error_of
from vitrail.service.client.readings import JobStatus, read_job, read_reply
from vitrail.service.client.transport import Transport, part_of_path

if TYPE_CHECKING:
    from vitrail.indexer.cancellation import Cancellation

_SOONEST, _LATEST = 0.1, 1.0  # seconds between two looks at a job
Watch = Callable[[JobStatus], None]


class ServedJob:
    """A job of a service. It goes on there, whether anybody waits for it or not.

    Args:
        transport: to the service.
        told: its reply.

    Attributes:
        status: as the service told it last.
    """

    def __init__(self, transport: Transport, told: Any) -> None:
        self._transport = transport
        self.status = read_reply(read_job, told)

    def __repr__(self) -> str:
        return f"ServedJob({self.status!r})"

    @property
    def id(self) -> str:
        """By which the service knows it."""
        return self.status.id

    def refresh(self) -> JobStatus:
        """Ask how it stands.

        Raises:
            ServiceError: the service does not answer, or knows it no more.
        """
        self.status = read_reply(read_job, self._transport.get(f"jobs/{part_of_path(self.id)}"))
        return self.status

    def cancel(self) -> JobStatus:
        """End it: at once where it waits, in good order where it runs; what it did is kept."""
        told = self._transport.change("DELETE", f"jobs/{part_of_path(self.id)}")
        self.status = read_reply(read_job, told)
        return self.status

    def retry(self) -> JobStatus:
        """Do it after all, where it failed, was cancelled or interrupted."""
        told = self._transport.change("POST", f"jobs/{part_of_path(self.id)}/retry")
        self.status = read_reply(read_job, told)
        return self.status

    def wait(
        self,
        on_progress: Watch | None = None,
        *,
        timeout: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> dict[str, Any]:
        """Wait until it is over; its result.

        It is asked about again and again rather than listened to, so that a service that is
        started anew meanwhile is no matter.

        Args:
            on_progress: told how it stands, whenever that has changed.
            timeout: seconds to wait; the job goes on after that.
            cancellation: cancels the job, and waits for its end.

        Raises:
            InputError: ``on_progress`` cannot be called.
            CancelledError: it was cancelled before there was anything to tell.
            VitrailError: why it failed, by the code of its problem.
            ServiceError: it was interrupted, or is not over in time.
        """
        if on_progress is not None:
            check_callback(on_progress, "on_progress")
        end = None if timeout is None else time.monotonic() + timeout
        pause, before, cancelled = _SOONEST, None, False
        while True:
            if self.status != before:
                before, pause = self.status, _SOONEST
                if on_progress is not None:
                    on_progress(self.status)
            if self.status.is_over:
                return self.result()
            if cancellation is not None and cancellation.cancelled and not cancelled:
                self.cancel()
                cancelled = True
                continue
            if end is not None and time.monotonic() + pause > end:
                raise ServiceError(
                    f"job {self.id} is {self.status.state} after {timeout:g} s",
                    remedy="wait on, or cancel it",
                    code="timeout",
                )
            time.sleep(pause)
            pause = min(1.5 * pause, _LATEST)
            self.refresh()

    def result(self) -> dict[str, Any]:
        """What it came to, as the reference tells; of a cancelled one, what it did until then.

        Raises:
            CancelledError: it was cancelled before there was anything to tell.
            VitrailError: why it failed.
            ServiceError: it is not over.
        """
        if self.status.state == "cancelled" and not self.status.result:
            raise CancelledError(f"job {self.id} was cancelled; what it had done is kept")
        if self.status.state in ("failed", "interrupted"):
            detail = {"code": self.status.state, "detail": f"job {self.id} is {self.status.state}"}
            raise error_of(self.status.problem or detail)
        made = self._transport.get(f"jobs/{part_of_path(self.id)}/result")
        return read_reply(dict[str, Any], made)
