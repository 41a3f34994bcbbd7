"""How much is taken in at once: requests, bytes of their bodies, and time to send and read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from fastapi import HTTPException
from starlette._utils import get_route_path
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitrail.service.http.options import Limits
from vitrail.service.http.problems import problem

RETRY_SECONDS = 1
_ALWAYS = ("/v1/livez",)
Kind = Literal["requests", "streams", "logins"]
"""What has a bound of its own."""
_LOGINS = ("/login", "/v1/session")  # where whoever has no key may send a body


class Admission:
    """Lets in as much as there is room for.

    Streams of events last long and cost little: they have a bound of their own. So have logins,
    whose bodies strangers send: as slow as these may be, they take no room from others.

    Args:
        app: what lies behind it.
        limits: how much that is.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits
        self.requests = self.streams = self.logins = self.bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or say that there is no room now."""
        if scope["type"] != "http" or get_route_path(scope) in _ALWAYS:
            await self._app(scope, receive, send)
            return
        told, kind = announced(scope), kind_of(scope)
        most = self._limits.login_body if kind == "logins" else self._limits.body
        if told is not None and told > most:
            await _too_large(most)(scope, receive, send)
            return
        expected = most if told is None else told
        if self._is_full(expected, kind):
            refusal = problem(
                503,
                "busy",
                "as much is asked at once as this service takes",
                remedy=f"ask again in {RETRY_SECONDS} s",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
            await refusal(scope, receive, send)
            return
        with self._counted(expected, kind):
            arriving = self._bounded(receive, most, kind) if expected else receive
            await self._app(scope, arriving, self._read_in_time(send))

    def _is_full(self, expected: int, kind: Kind) -> bool:
        running, most = {
            "requests": (self.requests, self._limits.requests),
            "streams": (self.streams, self._limits.streams),
            "logins": (self.logins, self._limits.logins),
        }[kind]
        # one body is taken in any case, or a bound below one body's size would refuse it for good
        bytes_full = self.bytes > 0 and self.bytes + expected > self._limits.bodies
        return running >= most or (expected > 0 and bytes_full)

    @contextmanager
    def _counted(self, expected: int, kind: Kind) -> Iterator[None]:
        self._count(expected, kind, 1)
        try:
            yield
        finally:
            self._count(-expected, kind, -1)

    def _count(self, expected: int, kind: Kind, step: int) -> None:
        self.bytes += expected
        self.requests += step * (kind == "requests")
        self.streams += step * (kind == "streams")
        self.logins += step * (kind == "logins")

    def _bounded(self, receive: Receive, most: int, kind: Kind) -> Receive:
        """Receive a body in time, and no more of it than may be; what follows it may take long."""
        limits = self._limits
        seconds = limits.head_seconds if kind == "logins" else limits.body_seconds
        ends = asyncio.get_running_loop().time() + seconds
        whole, arrived = False, 0

        async def received() -> Message:
            nonlocal whole, arrived
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(ends):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"the body did not arrive within {seconds:g} s") from None
            whole = not message.get("more_body", False)
            arrived += len(message.get("body", b""))
            if arrived > most:  # it did not say how large it is
                raise HTTPException(413, _larger(most))
            return message

        return received

    def _read_in_time(self, send: Send) -> Send:
        """Send what has to be taken in time, piece by piece."""

        async def sent(message: Message) -> None:
            async with asyncio.timeout(self._limits.send_seconds):
                await send(message)

        return sent


def kind_of(scope: Scope) -> Kind:
    """What a request takes a place of."""
    path = get_route_path(scope)
    if path.endswith("/events"):
        return "streams"
    return "logins" if path in _LOGINS else "requests"


def announced(scope: Scope) -> int | None:
    """Bytes of a body that a request announces; ``None`` where it does not say how many."""
    headers = Headers(scope=scope)
    if "transfer-encoding" in headers:
        return None
    length = headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0


def _too_large(most: int) -> Response:
    return problem(413, "too-large", _larger(most), remedy="send less at once")


def _larger(most: int) -> str:
    return f"the body is larger than the {most:,} bytes that this service takes"
