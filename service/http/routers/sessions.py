"""A browser's session: a key is given once, and a cookie stands for it from then on."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers

from vitrail.service.http.hosting import ServedBy
from vitrail.service.http.security.callers import COOKIE, Caller, session_of
from vitrail.service.http.security.effects import READS
from vitrail.service.http.security.guarding import CalledBy, too_often, unknown_caller
from vitrail.service.http.security.keyring import LASTS, KeyRing
from vitrail.service.http.security.keys import Key
from vitrail.service.http.security.scopes import KeyScope

router = APIRouter(tags=["session"])


class Login(BaseModel):
    """A key, as `vitrail keys new` has shown it."""

    model_config = ConfigDict(extra="forbid")
    key: str = Field(max_length=256)


class Session(BaseModel):
    """Who asks.

    Attributes:
        needs_key: whether this service needs a key.
        scope: what may be asked; null where nothing may without a key.
        name: of the key.
        read_only: whether this service only reads, whoever asks.
    """

    needs_key: bool
    scope: Literal["read", "write", "admin"] | None
    name: str = ""
    read_only: bool = False


async def ring_of(request: Request) -> KeyRing:
    """The keys of the service that a request came to."""
    ring: KeyRing = request.app.state.ring
    return ring


Ring = Annotated[KeyRing, Depends(ring_of)]


@router.get("/session")
def get_session(caller: CalledBy, options: ServedBy) -> Session:
    """Tell what whoever asks may do."""
    return Session(
        needs_key=options.needs_keys,
        scope=None if caller.scope is None else caller.scope.word,
        name=caller.name,
        read_only=options.read_only,
    )


@router.post("/session", response_model=Session, openapi_extra=READS)
def begin_session(
    login: Login,
    request: Request,
    caller: CalledBy,
    response: Response,
    ring: Ring,
    options: ServedBy,
) -> Session | Response:
    """Take a key, and give a cookie that stands for it."""
    key = ring.find(login.key)
    if key is None:
        return _not_taken(ring, caller)
    give_cookie(response, request, ring, key)
    return Session(
        needs_key=options.needs_keys,
        scope=key.scope.word,
        name=key.name,
        read_only=options.read_only,
    )


def give_cookie(response: Response, request: Request, ring: KeyRing, key: Key) -> None:
    """Begin a session, and let the browser show it from now on."""
    response.set_cookie(
        COOKIE,
        ring.begin_session(key),
        max_age=int(LASTS.total_seconds()),
        path=request.scope.get("root_path") or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def _not_taken(ring: KeyRing, caller: Caller) -> Response:
    """The refusal of what is no key that holds."""
    wait = ring.failures.hit(caller.address)
    if wait is not None:
        return too_often(wait)
    return unknown_caller("the key is not known, has expired, or was revoked", KeyScope.READ)


@router.delete("/session", status_code=204, openapi_extra=READS)
def end_session(request: Request, response: Response, ring: Ring) -> None:
    """Forget the cookie, here and in the browser."""
    token = session_of(Headers(scope=request.scope))
    if token:
        ring.end_session(token)
    response.delete_cookie(COOKIE, path=request.scope.get("root_path") or "/")
