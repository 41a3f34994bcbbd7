"""Which jobs that are over are kept, with their files."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from vitrail.service.http.jobs.records import Job

KEPT = 500
"""Jobs that are over and are kept, with their results: so many at most,"""
KEPT_SECONDS = 30 * 86_400
"""none for longer,"""
KEPT_BYTES = 4 << 30
"""and with files of so many bytes at most."""


def forgettable(over: Iterable[Job], size: Callable[[Job], int], now: float) -> list[str]:
    """Ids of the jobs that are over and beyond the number, the time or the bytes that are kept.

    Args:
        over: those that are over; the last that ended is kept, however large it is.
        size: bytes of a job's files.
        now: seconds since the epoch.
    """
    newest = sorted(over, key=lambda job: job.finished or job.created, reverse=True)
    total, gone = 0, []
    for place, job in enumerate(newest):
        total += size(job)
        too_old = (job.finished or job.created).timestamp() < now - KEPT_SECONDS
        if place >= KEPT or too_old or (place and total > KEPT_BYTES):
            gone.append(job.id)
    return gone
