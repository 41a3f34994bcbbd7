"""What a client can meet with jobs; each has a code of its own."""

from __future__ import annotations

from vitrail.indexer.errors import InputError, VitrailError


class UnknownJobError(InputError):
    """There is no such job, or none any more."""

    code = "unknown-job"


class JobStateError(InputError):
    """The job is not in a state in which that can be done."""

    code = "job-state"


class KeyReusedError(InputError):
    """An idempotency key came again, with something else to do."""

    code = "idempotency-key-reused"


class QueueFullError(VitrailError):
    """So many jobs wait that no more are taken."""

    code = "queue-full"


class ShareTakenError(VitrailError):
    """One caller's jobs wait in as many places as are left for all others."""

    code = "share-taken"


class NotSetUpError(VitrailError):
    """The service was not started to do such a thing."""

    code = "not-set-up"


class NoResultError(InputError):
    """The job is over and has no result."""

    code = "no-result"


class JobTableError(VitrailError):
    """The table of jobs cannot be used: another service has it, it is damaged, or the disk full."""

    code = "job-table"
