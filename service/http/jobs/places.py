"""Places of jobs that wait: how many there are, and that nobody takes those that others need."""

from __future__ import annotations

from vitrail.service.http.jobs.errors import QueueFullError, ShareTakenError

MOST_PENDING = 200
"""Jobs that wait, above which no more are taken."""


def check_places(waiting: int, own: int) -> None:
    """Refuse one more job, where there is no place for it.

    Whoever asks may hold as many places as are left for all others: alone half of them, so that
    the next one finds some, too.

    Args:
        waiting: jobs that wait already.
        own: of these, the caller's; 0 where callers are not told apart.

    Raises:
        QueueFullError: too many wait.
        ShareTakenError: too many of the caller's do.
    """
    left = MOST_PENDING - waiting
    if left <= 0:
        raise QueueFullError(f"{waiting} jobs wait already", remedy="ask again once some are done")
    if own >= left:
        raise ShareTakenError(
            f"{own} jobs of yours wait already, and the {left} places that are left are for others",
            remedy="ask again once some are done, or cancel some",
        )
