"""The page on which a browser gives its key, once; it works without a script."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from vitrail.service.http.routers.page import VIEWS
from vitrail.service.http.routers.sessions import Ring, give_cookie
from vitrail.service.http.security.effects import READS
from vitrail.service.http.security.guarding import CalledBy

PAGE = Path(__file__).parents[2] / "web" / "login" / "login.html"
_PLACE, _TO = "<!-- told -->", "<!-- to -->"
# a view of the page, and nothing that a browser could take for an address elsewhere
_VIEW = re.compile(rf"/(image/\d{{1,19}}|{'|'.join(VIEWS)})?(\?[!-~]{{0,1200}})?")
_WRONG = "This key is not known, has expired, or was revoked."
_TOO_OFTEN = "That was tried too often; wait a minute."

router = APIRouter(include_in_schema=False)


@router.get("/login")
def show_login(caller: CalledBy, request: Request, to: Annotated[str, Query()] = "/") -> Response:
    """Ask for a key; whoever needs none is led on, to the view that was asked for."""
    if caller.scope is not None:
        return _led(request, to)
    return _page("", to)


@router.post("/login", openapi_extra=READS)
def log_in(
    request: Request,
    caller: CalledBy,
    ring: Ring,
    key: Annotated[str, Form(max_length=256)] = "",
    to: Annotated[str, Form()] = "/",
) -> Response:
    """Take a key, and lead to the view that was asked for."""
    found = ring.find(key.strip())
    if found is None:
        wait = ring.failures.hit(caller.address)
        return _page(_WRONG if wait is None else _TOO_OFTEN, to, 401 if wait is None else 429)
    answer = _led(request, to)
    give_cookie(answer, request, ring, found)
    return answer


def _led(request: Request, to: str) -> Response:
    root = request.scope.get("root_path", "")
    return RedirectResponse(f"{root}{to if _VIEW.fullmatch(to) else '/'}", 303)


def _page(told: str, to: str, status: int = 200) -> Response:
    page = PAGE.read_text("utf-8").replace(_PLACE, told)
    if to != "/" and _VIEW.fullmatch(to):
        page = page.replace(_TO, f'<input name="to" value="{escape(to)}" hidden>')
    return HTMLResponse(page, status)
