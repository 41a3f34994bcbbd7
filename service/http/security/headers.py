"""Headers of every reply: what a browser may do with it."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""For pages, and for scripts, whose workers go by their own."""
FILE = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""For everything else: whatever a file turns out to be, nothing in it runs or is loaded."""
_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_PAGES = ("text/html", "text/javascript", "application/javascript")


class SafeHeaders:
    """Adds them.

    Args:
        app: what lies behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its reply with headers."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                secure(MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)


def secure(headers: MutableHeaders) -> None:
    """Add what every reply has, and keep an unknown type from being shown."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    for name, value in _FIXED.items():
        headers.setdefault(name, value)
    headers["Content-Security-Policy"] = PAGE if kind in _PAGES else FILE
    headers.setdefault("Cache-Control", "no-store")
    del headers["server"]
