"""What is seen of every request: an id, a line in the log, its time, and what nobody foresaw."""

from __future__ import annotations

import logging
import re
import secrets
import time

from starlette._utils import get_route_path
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitrail.service.http.observing.logs import REQUESTS
from vitrail.service.http.observing.metrics import Metrics
from vitrail.service.http.problems import problem

HEADER = "X-Request-Id"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_UNTOLD = ("/v1/livez", "/v1/readyz", "/v1/metrics")  # asked every few seconds by machines

_log = logging.getLogger(REQUESTS)


class Observer:
    """The outermost of all: nothing is answered that it does not see.

    Args:
        app: what lies behind it.
        metrics: where requests are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = _Seen(scope, send)
        with self._metrics.in_flight():
            try:
                await self._app(scope, receive, seen.send)
            except Exception as error:
                await self._unforeseen(seen, receive, error)
            finally:
                self._tell(seen)

    async def _unforeseen(self, seen: _Seen, receive: Receive, error: Exception) -> None:
        if isinstance(error, ClientDisconnect) or (isinstance(error, TimeoutError) and seen.begun):
            return  # a client that has left, or reads no further
        _log.error("unforeseen", extra={"facts": {"request": seen.id}}, exc_info=error)
        if seen.begun:
            raise error  # the connection breaks, so that no part passes for the whole reply
        refusal = problem(
            500,
            "unforeseen",
            "the service failed in a way that nobody foresaw",
            remedy=f"look for {seen.id} in its log, and report what stands there",
        )
        await refusal(seen.scope, receive, seen.send)

    def _tell(self, seen: _Seen) -> None:
        seconds = time.perf_counter() - seen.since
        self._metrics.answered(seen.scope["method"], seen.operation, seen.status, seconds)
        level = logging.ERROR if seen.status >= 500 and seen.status != 503 else logging.INFO
        if seen.path not in _UNTOLD or level == logging.ERROR:
            _log.log(level, "request", extra={"facts": seen.facts(seconds)})


class _Seen:
    """One request, and what has been answered so far."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope, self._send = scope, send
        given = Headers(scope=scope).get(HEADER.lower(), "")
        self.id = given if _ID.fullmatch(given) else secrets.token_hex(8)
        self.since, self.status, self.bytes, self.begun = time.perf_counter(), 499, 0, False
        self.path = get_route_path(scope)
        scope.setdefault("state", {})["request_id"] = self.id

    @property
    def operation(self) -> str:
        """What was asked for, by its id in the OpenAPI; ``none`` where there is no such address."""
        route = self.scope.get("route")
        return route.name if isinstance(route, Route) else "none"

    async def send(self, message: Message) -> None:
        """Send a piece of the reply on."""
        if message["type"] == "http.response.start":
            self.begun, self.status = True, message["status"]
            MutableHeaders(scope=message)[HEADER] = self.id
        elif message["type"] == "http.response.body":
            self.bytes += len(message.get("body", b""))
        await self._send(message)

    def facts(self, seconds: float) -> dict[str, object]:
        """What the log says of it: no query, since filters and names stand there."""
        caller = self.scope["state"].get("caller")
        client = self.scope.get("client")
        return {
            "request": self.id,
            "method": self.scope["method"],
            "path": self.path,
            "status": self.status,
            "seconds": round(seconds, 6),
            "bytes": self.bytes,
            "address": client[0] if client else "",
            "key": None if caller is None else caller.key,
        }
