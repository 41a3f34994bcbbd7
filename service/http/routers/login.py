"""The page on which a browser gives its key, once; it works without a script."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from vitrail.service.http.routers.sessions import Ring, give_cookie
from vitrail.service.http.security.effects import READS
from vitrail.service.http.security.guarding import CalledBy

PAGE = Path(__file__).parents[2] / "web" / "login" / "login.html"
_PLACE = "<!-- told -->"
_WRONG = "This key is not known, has expired, or was revoked."
_TOO_OFTEN = "That was tried too often; wait a minute."

router = APIRouter(include_in_schema=False)


@router.get("/login")
def show_login(caller: CalledBy, request: Request) -> Response:
    """Ask for a key; whoever needs none is led on."""
    if caller.scope is not None:
        return _home(request)
    return _page("")


@router.post("/login", openapi_extra=READS)
def log_in(
    request: Request,
    caller: CalledBy,
    ring: Ring,
    key: Annotated[str, Form(max_length=256)] = "",
) -> Response:
    """Take a key, and lead to the page."""
    found = ring.find(key.strip())
    if found is None:
        wait = ring.failures.hit(caller.address)
        return _page(_WRONG if wait is None else _TOO_OFTEN, 401 if wait is None else 429)
    answer = _home(request)
    give_cookie(answer, request, ring, found)
    return answer


def _home(request: Request) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/", 303)


def _page(told: str, status: int = 200) -> Response:
    page = PAGE.read_text("utf-8").replace(_PLACE, told)
    return HTMLResponse(page, status)
