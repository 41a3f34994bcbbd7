"""Where a request comes from: the name it asks by, and the page it is asked from.

A page of a stranger's may let its own name lead to this machine (DNS rebinding), and then the
browser sends it along as Host; and it may send forms and images' addresses here (cross-site
requests), and then the browser says so in Origin and Sec-Fetch-Site. Programs send neither.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.problems import problem

_PORTS = {"http": 80, "https": 443}
_SAFE = ("GET", "HEAD", "OPTIONS")


def host_and_port(netloc: str) -> tuple[str, int | None]:
    """The name, in lower case and without brackets, and the port of ``example.org:8000``.

    Raises:
        ValueError: it is no such thing.
    """
    parts = urlsplit(f"//{netloc}")
    if parts.hostname is None or parts.username is not None or parts.netloc != netloc:
        raise ValueError(netloc)
    if parts.path or parts.query or parts.fragment:
        raise ValueError(netloc)
    return parts.hostname.rstrip("."), parts.port


def is_served(netloc: str, names: Collection[str], *, any_address: bool) -> bool:
    """Whether a request may ask by this name.

    Args:
        netloc: what its Host header says.
        names: in lower case.
        any_address: whether every address in numbers is right; no name can lead astray then.
    """
    try:
        name, _ = host_and_port(netloc)
    except ValueError:
        return False
    if name in names:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return any_address or address.is_loopback


def is_from_here(origin: str, netloc: str, allowed: Collection[str] = ()) -> bool:
    """Whether a page of this service, or of an origin that is allowed, has asked.

    The scheme is left out: a proxy that speaks TLS asks without.

    Args:
        origin: what the Origin header says.
        netloc: what the Host header says.
        allowed: origins such as ``https://example.org``.
    """
    if origin in allowed:
        return True
    parts = urlsplit(origin)
    if parts.scheme not in _PORTS:
        return False  # such as null, of a file or a frame in a sandbox
    try:
        theirs, ours = host_and_port(parts.netloc), host_and_port(netloc)
    except ValueError:
        return False
    usual = _PORTS[parts.scheme]
    return (theirs[0], theirs[1] or usual) == (ours[0], ours[1] or usual)


def served_names(options: ServiceOptions) -> frozenset[str]:
    """The names by which a service may be asked, in lower case."""
    names = {"localhost", *options.allow_hosts}
    if not options.on_loopback:
        own = socket.gethostname()
        names |= {options.host, own, f"{own}.local"}
    return frozenset(name.lower().rstrip(".") for name in names)


class OriginCheck:
    """Refuses what a stranger's page lets a browser ask.

    Args:
        app: what lies behind it.
        options: where it listens, and who else may ask.
    """

    def __init__(self, app: ASGIApp, options: ServiceOptions) -> None:
        self._app, self._options = app, options
        self._names = served_names(options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or say why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope["method"], Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, method: str, headers: Headers) -> Response | None:
        hosts = headers.getlist("host")
        outside = not self._options.on_loopback
        if len(hosts) != 1 or not is_served(hosts[0], self._names, any_address=outside):
            return problem(
                421,
                "foreign-host",
                "this service does not answer by the name that was asked",
                remedy="ask by its address, or start it with --allow-host NAME",
            )
        if self._from_elsewhere(method, headers, hosts[0]):
            return problem(
                403,
                "foreign-origin",
                "a page of another origin has asked",
                remedy="start the service with --allow-origin ORIGIN, if that page may ask",
            )
        return None

    def _from_elsewhere(self, method: str, headers: Headers, host: str) -> bool:
        origin, follows = headers.get("origin"), method in _SAFE and _is_link(headers)
        if origin is not None:
            if follows:
                return False
            return not is_from_here(origin, host, self._options.allow_origins)
        site = headers.get("sec-fetch-site", "none")
        if site in ("none", "same-origin"):
            return False
        return not follows


def _is_link(headers: Headers) -> bool:
    """Whether a browser goes to what is asked for.

    A link that leads here is followed. What another's page asks for to show it within itself, as an
    image or in a frame, is not given: a frame would show nothing, but have kept a thread busy.
    """
    shown = headers.get("sec-fetch-dest", "document")
    return headers.get("sec-fetch-mode") == "navigate" and shown == "document"
