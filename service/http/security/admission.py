"""How much is taken in at once: requests, bytes of their bodies, and time to send and read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import HTTPException
from starlette._utils import get_route_path
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitrail.service.http.options import Limits
from vitrail.service.http.problems import problem

RETRY_SECONDS = 1
_ALWAYS = ("/v1/livez",)


class Admission:
    """Lets in as much as there is room for.

    Streams of events last long and cost little: they have a bound of their own.

    Args:
        app: what lies behind it.
        limits: how much that is.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits
        self.requests = self.streams = self.bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or say that there is no room now."""
        if scope["type"] != "http" or get_route_path(scope) in _ALWAYS:
            await self._app(scope, receive, send)
            return
        told = announced(scope)
        if told is not None and told > self._limits.body:
            await _too_large(self._limits.body)(scope, receive, send)
            return
        expected = self._limits.body if told is None else told
        stream = get_route_path(scope).endswith("/events")
        if self._is_full(expected, stream=stream):
            refusal = problem(
                503,
                "busy",
                "as much is asked at once as this service takes",
                remedy=f"ask again in {RETRY_SECONDS} s",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
            await refusal(scope, receive, send)
            return
        with self._counted(expected, stream=stream):
            arriving = self._bounded(receive) if expected else receive
            await self._app(scope, arriving, self._read_in_time(send))

    def _is_full(self, expected: int, *, stream: bool) -> bool:
        running, most = (
            (self.streams, self._limits.streams)
            if stream
            else (self.requests, self._limits.requests)
        )
        # one body is taken in any case, or a bound below one body's size would refuse it for good
        bytes_full = self.bytes > 0 and self.bytes + expected > self._limits.bodies
        return running >= most or (expected > 0 and bytes_full)

    @contextmanager
    def _counted(self, expected: int, *, stream: bool) -> Iterator[None]:
        self.bytes += expected
        self.streams += stream
        self.requests += not stream
        try:
            yield
        finally:
            self.bytes -= expected
            self.streams -= stream
            self.requests -= not stream

    def _bounded(self, receive: Receive) -> Receive:
        """Receive a body in time, and no more of it than may be; what follows it may take long."""
        ends = asyncio.get_running_loop().time() + self._limits.body_seconds
        whole, arrived = False, 0

        async def received() -> Message:
            nonlocal whole, arrived
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(ends):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(
                    408, f"the body did not arrive within {self._limits.body_seconds:g} s"
                ) from None
            whole = not message.get("more_body", False)
            arrived += len(message.get("body", b""))
            if arrived > self._limits.body:  # it did not say how large it is
                raise HTTPException(413, _larger(self._limits.body))
            return message

        return received

    def _read_in_time(self, send: Send) -> Send:
        """Send what has to be taken in time, piece by piece."""

        async def sent(message: Message) -> None:
            async with asyncio.timeout(self._limits.send_seconds):
                await send(message)

        return sent


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
