"""Who asks: what the headers of a request show of it."""

from __future__ import annotations

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import Scope as Asked

from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.security.keyring import KeyRing
from vitrail.service.http.security.scopes import KeyScope

COOKIE = "vitrail-session"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what that one may.

    Attributes:
        address: where the request came from; empty where that is unknown.
        scope: ``None`` where nothing may be asked but what is open to all.
        key: id of the key; ``None`` without one.
        name: of the key; empty without one.
        refused: whether a key was given that is not taken.
    """

    address: str
    scope: KeyScope | None
    key: str | None = None
    name: str = ""
    refused: bool = False

    @property
    def who(self) -> str:
        """The key, or the address of who has none."""
        return f"key {self.key}" if self.key else f"address {self.address}"

    def may(self, needed: KeyScope | None) -> bool:
        """Whether this scope is enough."""
        return needed is None or (self.scope is not None and self.scope >= needed)


def identify(asked: Asked, ring: KeyRing, *, keys: bool) -> Caller:
    """Who asks.

    A key that is given and not taken opens nothing, also where none is needed: who gives one
    wants to know.

    Args:
        asked: the request, as ASGI has it.
        ring: the keys that hold.
        keys: whether one is needed.
    """
    headers = Headers(scope=asked)
    address = asked["client"][0] if asked.get("client") else ""
    given, session = headers.get("authorization"), session_of(headers)
    if given is not None:
        kind, _, text = given.partition(" ")
        key = ring.find(text.strip()) if kind.lower() == "bearer" else None
    else:
        key = ring.find_session(session) if session else None
    if key is not None:
        return Caller(address, key.scope, key.id, key.name)
    if given is not None:
        return Caller(address, None, refused=True)
    return Caller(address, None if keys else KeyScope.ADMIN)


def session_of(headers: Headers) -> str | None:
    """What a browser shows of its session."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return None if found is None else found.value


def owner_of(caller: Caller, options: ServiceOptions) -> str:
    """Whose the jobs and uploads of a caller are; nobody's where all who ask are taken for one."""
    return caller.who if options.needs_keys else ""


async def caller_of(request: Request) -> Caller:
    """Who asked a request that has been let in."""
    caller: Caller = request.state.caller
    return caller
