"""Errors as problem details (RFC 9457), by the codes that the errors of the domain have."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from vitrail.indexer.errors import ImageRejectedError, UnusableImageError, VitrailError
from vitrail.service.http.misfits import in_a_line, misfits
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.security.hiding import as_told
from vitrail.service.http.wording import in_members

_log = logging.getLogger("vitrail.service")

MEDIA_TYPE = "application/problem+json"
STATUSES = {
    "bad-input": 422,
    "not-found": 404,
    "withheld": 403,
    "bad-image": 422,
    "locked": 409,
    "removals-refused": 409,
    "cancelled": 409,
    "not-allowed": 403,
    "read-only": 403,
    "not-set-up": 403,
    "unknown-job": 404,
    "unknown-root": 404,
    "unknown-upload": 404,
    "no-result": 404,
    "job-state": 409,
    "queue-full": 503,
    "share-taken": 429,
    "job-table": 503,
    "other-encoder": 409,
    "bad-checkpoint": 503,
    "generation": 503,
    "training": 503,
    "falls-short": 409,
    "runtime": 503,
    "cache": 503,
    "unreadable": 503,
    "collection": 503,
    "unusable-keys": 503,
    "unrecorded": 503,
}
"""Code of an error -> status, also of the kinds of errors below it; 500 for all others."""
_AGAIN = {"queue-full": 10, "share-taken": 10}
"""Code -> seconds after which there may be room."""
_CODES = {404: "not-found", 405: "method-not-allowed", 408: "too-slow", 413: "too-large"}
_IN_OUR_WORDS = {
    "There was an error parsing the body": (
        "the body is neither JSON in UTF-8 nor a form",
        "send what the reference at {docs} tells",
    ),
    "Not Found": (
        "there is nothing at this address",
        "look into {docs}, which lists all that there are",
    ),
    "Method Not Allowed": (
        "this address is not asked by this method",
        "look into {docs}, which tells by which",
    ),
}
"""What Starlette says -> the same in our words, and what to do."""
_NO_FORM = (
    "the form cannot be read: it is torn, or has more parts than one file and a few fields",
    "send one image as multipart/form-data",
)
_TITLES = {
    "bad-request": "The request cannot be understood",
    "bad-input": "The request cannot be answered as it is",
    "not-found": "There is no such thing",
    "locked": "Another process is writing",
    "busy": "There is no room now",
    "no-key": "Nobody is let in without a key",
    "not-allowed": "The key does not allow this",
    "too-often": "Asked too often",
    "share-taken": "More places are held than are left for others",
    "too-slow": "The request took too long to arrive",
    "too-large": "The request is too large",
    "unforeseen": "The service failed",
    "system": "The machine does not let the service",
}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    remedy: str = "",
    more: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """One problem as a response.

    Args:
        status: of HTTP.
        code: short and stable, for programs.
        detail: one line for people.
        remedy: what to do about it, where that is told apart.
        more: further members.
        headers: of the response.
    """
    body = _members(status, code, detail, remedy)
    return JSONResponse(
        {**body, **(more or {})}, status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def _members(status: int, code: str, detail: str, remedy: str) -> dict[str, Any]:
    body = {
        "type": f"urn:vitrail:problem:{code}",
        "title": _TITLES.get(code, code.replace("-", " ").capitalize()),
        "status": status,
        "code": code,
        "detail": detail,
    }
    return body | {"remedy": remedy} if remedy else body


def problem_members(error: VitrailError, options: ServiceOptions) -> dict[str, Any]:
    """What a problem tells of an error of the domain; not where files lie, unless that is shown."""
    detail, remedy = (
        in_members(as_told(text, options))
        for text in (error.problem if error.remedy else str(error), error.remedy)
    )
    body = _members(status_of(error), error.code, detail, remedy)
    if isinstance(error, ImageRejectedError | UnusableImageError) and error.reason:
        return body | {"reason": error.reason}
    return body


def status_of(error: VitrailError | type[VitrailError]) -> int:
    """The status for an error, or for the nearest kind above it that has one."""
    kind = error if isinstance(error, type) else type(error)
    codes = (above.code for above in kind.__mro__ if issubclass(above, VitrailError))
    return next((STATUSES[code] for code in codes if code in STATUSES), 500)


def add_problems(app: FastAPI) -> None:
    """Let every error that a request meets be a problem."""
    app.add_exception_handler(VitrailError, _of_the_domain)
    app.add_exception_handler(RequestValidationError, _of_the_request)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(OSError, _of_the_system)
    app.add_exception_handler(MemoryError, _of_the_memory)


async def _of_the_domain(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, VitrailError)
    members = problem_members(error, request.app.state.options)
    again = _AGAIN.get(error.code)
    headers = None if again is None else {"Retry-After": str(again)}
    return JSONResponse(members, status_of(error), headers=headers, media_type=MEDIA_TYPE)


async def _of_the_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = misfits(error.errors(), error.body)
    remedy = f"look into {_docs(request)}, which tells what is taken here"
    return problem(422, "bad-request", in_a_line(errors), remedy=remedy, more={"errors": errors})


def _docs(request: Request) -> str:
    return f"{request.scope.get('root_path', '')}/docs"


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code in (204, 304):  # which have no body
        return Response(status_code=error.status_code, headers=error.headers)
    code = _CODES.get(error.status_code, "bad-request")
    own = _NO_FORM if error.status_code == 400 else (error.detail, "")
    detail, remedy = _IN_OUR_WORDS.get(error.detail, own)
    remedy = remedy.format(docs=_docs(request))
    return problem(error.status_code, code, detail, remedy=remedy, headers=error.headers)


async def _of_the_system(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OSError)
    _log.error("system", exc_info=error)  # which file it was is for who runs the service
    return problem(
        503,
        "system",
        f"a file could not be read or written: {error.strerror or 'the system refuses'}",
        remedy="look into the service's log, check the disk, and ask again",
    )


async def _of_the_memory(_: Request, error: Exception) -> JSONResponse:
    _log.error("memory", exc_info=error)
    return problem(503, "memory", "memory ran out; nothing is lost", remedy="ask again, for less")
