"""Lets in who may ask what is asked, and as often: before anything of the body is read."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import Depends
from starlette._utils import get_route_path
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Asked

from vitrail.indexer.errors import VitrailError
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.problems import problem
from vitrail.service.http.security.callers import Caller, caller_of, identify
from vitrail.service.http.security.effects import Effects, only_reads
from vitrail.service.http.security.keyring import KeyRing
from vitrail.service.http.security.rates import Rates
from vitrail.service.http.security.scopes import KeyScope, needed

_SHOWN = ("/v1", "/assets", "/docs", "/login")  # to whoever has no key
_LONGEST_VIEW = 1200  # characters that are remembered over a login, whose form may have 4 KiB
_UNCOUNTED = ("/v1/livez", "/v1/readyz")


class NotAllowedError(VitrailError):
    """A key that holds, and does not allow what was asked."""

    code = "not-allowed"


class Guard:
    """The gate of the application.

    Args:
        app: what lies behind it.
        options: whether keys are needed, how often somebody may ask, whether anything is written.
        ring: the keys that hold.
        effects: what requests change.
    """

    def __init__(
        self, app: ASGIApp, options: ServiceOptions, ring: KeyRing, effects: Effects
    ) -> None:
        self._app, self._options, self._ring, self._effects = app, options, ring, effects
        self._rates = Rates(options.most_often)

    async def __call__(self, asked: Asked, receive: Receive, send: Send) -> None:
        """Let a request in, or say why not."""
        if asked["type"] != "http":
            await self._app(asked, receive, send)
            return
        caller = identify(asked, self._ring, keys=self._options.needs_keys)
        asked.setdefault("state", {})["caller"] = caller
        # the router's own, so that both always mean the same address
        path = get_route_path(asked)
        refusal = self._refusal(caller, asked, path)
        await (refusal or self._app)(asked, receive, send)

    def _refusal(self, caller: Caller, asked: Asked, path: str) -> Response | None:
        method: str = asked["method"]
        scope = needed(method, path)
        if scope is None and caller.scope is None and _is_view(method, path):
            return _to_login(asked, path)
        if caller.refused or not caller.may(scope):
            return self._not_let_in(caller, scope or KeyScope.READ)
        if self._options.read_only and self._writes(method, path):
            refused = only_reads()
            return problem(403, refused.code, refused.problem, remedy=refused.remedy)
        wait = None if path in _UNCOUNTED else self._rates.hit(caller.who)
        return None if wait is None else too_often(wait)

    def _writes(self, method: str, path: str) -> bool:
        return needed(method, path) is not None and self._effects.of(method, path) == "writes"

    def _not_let_in(self, caller: Caller, scope: KeyScope) -> Response:
        if caller.scope is not None:
            error = _too_narrow(caller, scope)
            return problem(403, error.code, error.problem, remedy=error.remedy)
        if caller.refused and (wait := self._ring.failures.hit(caller.address)) is not None:
            return too_often(wait)
        if caller.refused:
            detail = "the key that was given is not known, has expired, or was revoked"
        else:
            detail = "this needs a key"
        return unknown_caller(detail, scope)


def _to_login(asked: Asked, path: str) -> Response:
    """Have a browser give its key, and come back to the view that it asked for."""
    query = asked["query_string"].decode("latin-1")
    view = f"{path}?{query}" if query else path
    to = "" if view == "/" or len(view) > _LONGEST_VIEW else f"?to={quote(view, safe='')}"
    return RedirectResponse(f"{asked.get('root_path', '')}/login{to}", 303)


def _is_view(method: str, path: str) -> bool:
    """Whether a browser would show a view of the page, which is of no use without a key."""
    return method in ("GET", "HEAD") and not any(f"{path}/".startswith(f"{one}/") for one in _SHOWN)


def unknown_caller(detail: str, scope: KeyScope) -> Response:
    """The refusal of who has shown no key that holds."""
    remedy = f"make one with `vitrail keys new --scope {scope.word}` on the machine that serves"
    return problem(
        401,
        "no-key",
        detail,
        remedy=f"{remedy}, and send it as `Authorization: Bearer KEY`",
        headers={"WWW-Authenticate": 'Bearer realm="vitrail"'},
    )


def too_often(wait: int) -> Response:
    """The refusal of who asks more often than is allowed."""
    return problem(
        429,
        "too-often",
        "more was asked than is allowed in this time",
        remedy=f"ask again in {wait} s",
        headers={"Retry-After": str(wait)},
    )


def demand(caller: Caller, scope: KeyScope) -> None:
    """Refuse who may not, where only the body tells what is asked.

    Raises:
        NotAllowedError: the caller's scope is narrower.
    """
    if not caller.may(scope):
        raise _too_narrow(caller, scope)


def _too_narrow(caller: Caller, scope: KeyScope) -> NotAllowedError:
    has = "none" if caller.scope is None else caller.scope.word
    return NotAllowedError(
        f"this needs a key of scope {scope.word}, and yours has {has}",
        remedy=f"make one with `vitrail keys new --scope {scope.word}`",
    )


CalledBy = Annotated[Caller, Depends(caller_of)]
"""Who asked."""
