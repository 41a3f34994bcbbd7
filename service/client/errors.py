"""Problems that a service tells, as the errors that the same work raises where it is done here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitrail.indexer import errors
from vitrail.indexer.errors import (
    ImageRejectedError,
    InputError,
    UnusableImageError,
    VitrailError,
)


class ServiceError(VitrailError):
    """What only a service can meet: it does not answer, lets nobody in, has no room.

    Args:
        problem: what was asked, and what came of it.
        remedy: what to do about it.
        code: of the problem; its own, where the service told none.
    """

    code = "service"

    def __init__(self, problem: object = "", *, remedy: str = "", code: str = "service") -> None:
        super().__init__(problem, remedy=remedy)
        self.code = code


_KINDS: Mapping[str, type[VitrailError]] = {
    kind.code: kind
    for kind in (
        errors.VitrailError,
        errors.InputError,
        errors.FilterError,
        errors.UnknownImageError,
        errors.CheckpointError,
        errors.RuntimeUnusableError,
        errors.CacheError,
        errors.FingerprintMismatchError,
        errors.CollectionError,
        errors.NewerFormatError,
        errors.UnreadableError,
        errors.DamagedError,
        errors.SegmentGoneError,
        errors.NewerIndexError,
        errors.RemovalsRefusedError,
        errors.CollectionLockedError,
        errors.CancelledError,
        errors.GenerationError,
        errors.TrainingError,
    )
}
_NOT_AS_GIVEN = (400, 413, 422)


def error_of(problem: Mapping[str, Any], status: int = 500) -> VitrailError:
    """The error that a problem tells of.

    Args:
        problem: its members, as of RFC 9457 and with a ``code``.
        status: of HTTP, where the members hold none.
    """
    code, detail = str(problem.get("code") or "service"), str(problem.get("detail") or "")
    remedy, reason = str(problem.get("remedy") or ""), str(problem.get("reason") or "")
    if code == ImageRejectedError.code:
        return ImageRejectedError(reason, detail.removeprefix(f"{reason}: "))
    if code == UnusableImageError.code:
        return UnusableImageError(detail, remedy=remedy, reason=reason)
    if code in _KINDS:
        return _KINDS[code](detail, remedy=remedy)
    if problem.get("status", status) in _NOT_AS_GIVEN:
        refused = InputError(detail, remedy=remedy)
        refused.code = code  # a finer one, of the service's own
        return refused
    return ServiceError(detail, remedy=remedy, code=code)
