"""Puts what writes into the audit log: before it is done, and what came of it."""

from __future__ import annotations

from starlette._utils import get_route_path
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitrail.service.http.observing.audit import AuditLog, UnrecordedError
from vitrail.service.http.problems import problem
from vitrail.service.http.security.callers import Caller
from vitrail.service.http.security.scopes import KeyScope, needed


class Recorder:
    """Records every request that needs more than a read key; it stands behind the guard.

    Args:
        app: what lies behind it.
        log: where to.
    """

    def __init__(self, app: ASGIApp, log: AuditLog) -> None:
        self._app, self._log = app, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record a request, and pass it on."""
        if scope["type"] != "http" or not _writes(scope):
            await self._app(scope, receive, send)
            return
        try:
            await run_in_threadpool(self._asked, scope)
        except UnrecordedError as error:
            refusal = problem(503, error.code, error.problem, remedy=error.remedy)
            await refusal(scope, receive, send)
            return
        status, made = 500, ""

        async def noted(message: Message) -> None:
            nonlocal status, made
            if message["type"] == "http.response.start":
                status = message["status"]
                made = Headers(raw=message["headers"]).get("location", "")
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            await run_in_threadpool(self._answered, scope, status, made)

    def _asked(self, scope: Scope) -> None:
        caller: Caller = scope["state"]["caller"]
        self._log.add(
            "asked",
            request=scope["state"].get("request_id"),
            key=caller.key,
            name=caller.name,
            address=caller.address,
            method=scope["method"],
            path=get_route_path(scope),
            collection=QueryParams(scope["query_string"]).get("collection"),
        )

    def _answered(self, scope: Scope, status: int, made: str) -> None:
        """What came of it, and what it has made, such as a job."""
        id_ = scope["state"].get("request_id")
        self._log.add("answered", request=id_, status=status, made=made or None)


def _writes(scope: Scope) -> bool:
    what = needed(scope["method"], get_route_path(scope))
    return what is not None and what > KeyScope.READ and scope["method"] not in ("GET", "HEAD")
