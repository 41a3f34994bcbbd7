"""Requests by connections that are too many: told so as all problems are, and ended."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from vitrail.service.http.problems import problem
from vitrail.service.http.security.admission import RETRY_SECONDS


class Crowd:
    """Turns requests away while more connections are open than may be.

    How many there are only the server knows, which says so by ``app.state.crowded``.

    Args:
        app: what lies behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or say that its connection is one too many."""
        if scope["type"] == "http" and scope["app"].state.crowded():
            await _refusal()(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _refusal() -> Response:
    return problem(
        503,
        "busy",
        "more connections are open than this service holds, and this one ends",
        remedy=f"ask again in {RETRY_SECONDS} s, and close connections that are not needed",
        headers={"Retry-After": str(RETRY_SECONDS), "Connection": "close"},
    )
