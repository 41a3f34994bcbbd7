"""HEAD wherever GET is: the same status and headers, of which no body is made or sent."""

from __future__ import annotations

from anyio import CancelScope
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadReplies:
    """Asks what lies behind it by GET, and ends that as soon as the head of its reply is known.

    So a file is not read once more to be sent, and nobody waits for the end of a stream of events.

    Args:
        app: what lies behind it; nothing between may look for another method.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, by GET if it is one for the head alone."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        asked = {**scope, "method": "GET"}  # a copy: the server goes by its own
        with CancelScope() as whole:

            async def told(message: Message) -> None:
                if message["type"] != "http.response.start" or whole.cancel_called:
                    return
                if "route" in asked:
                    scope["route"] = asked["route"]  # by which requests are counted
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                whole.cancel()

            await self._app(asked, receive, told)
