"""Connections whose requests do not begin: given up after a while, as slow bodies are.

And those that are too many: ended at once, since each takes one of the files that a process may
open. What is no HTTP gets a problem, as all does that cannot be answered.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from vitrail.service.http.problems import problem

_NO_HTTP = "what was sent is no request of HTTP/1.1"
_HOW = "ask by http://, with a client that speaks HTTP/1.1; a proxy in front can speak TLS"


def in_time(seconds: float, most: int) -> type[asyncio.Protocol]:
    """The protocol of uvicorn, in which the head of a request has to arrive in time.

    Uvicorn ends connections that are idle; who sends a byte now and then would hold one for good.
    And it lets connections stand, however many there are.

    Args:
        seconds: from the connection, or from the first byte after a reply.
        most: connections that are open at once; further ones are ended without a word.
    """

    class Timed(H11Protocol):
        _giving_up: asyncio.TimerHandle | None = None

        def connection_made(  # type: ignore[override]
            self, transport: asyncio.Transport
        ) -> None:
            super().connection_made(transport)
            if len(self.connections) > most:
                self.transport.abort()
                return
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._is_answering():
                self._stop()
            elif self._giving_up is None:
                self._wait()

        def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - is told in our words
            answer = problem(400, "bad-request", _NO_HTTP, remedy=_HOW)
            headers = [*answer.raw_headers, (b"connection", b"close")]
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=bytes(answer.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
            self.transport.close()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def _is_answering(self) -> bool:
            cycle = self.cycle
            return cycle is not None and not cycle.response_complete

        def _wait(self) -> None:
            self._giving_up = self.loop.call_later(seconds, self._give_up)

        def _stop(self) -> None:
            if self._giving_up is not None:
                self._giving_up.cancel()
                self._giving_up = None

        def _give_up(self) -> None:
            self._giving_up = None
            if not self._is_answering() and not self.transport.is_closing():
                self.transport.close()

    return Timed
