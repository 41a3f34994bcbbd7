"""The page: its one document at the addresses of all its views, and the files it is made of."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Request
from fastapi.responses import Response

WEB = Path(__file__).parents[2] / "web"
VIEWS = ("make", "compare", "sets", "duplicates", "audit", "classify", "map", "collection")
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What browsers are given; told here, since what a system says of endings differs."""

router = APIRouter(include_in_schema=False)


def _files() -> dict[str, Path]:
    found = (path for path in WEB.rglob("*") if path.suffix in TYPES and path.name != "index.html")
    return {path.relative_to(WEB).as_posix(): path for path in found}


FILES = _files()
"""By the name that is asked for, so that no name leads out of the folder."""


@router.get("/")
@router.get("/image/{image_id}")
def page(request: Request, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """The document, which finds in its address what to show."""
    root: str = request.scope.get("root_path", "")
    # by a whole path, since views lie at several depths; a <base> the policy does not let in
    data = (WEB / "index.html").read_bytes().replace(b'"/assets/', f'"{root}/assets/'.encode())
    return _answer(data, ".html", if_none_match)


for _view in VIEWS:
    router.get(f"/{_view}")(page)


@router.get("/assets/{name:path}")
def asset(name: str, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """One file of the page."""
    path = FILES.get(name)
    if path is None:
        raise HTTPException(404, f"the page has no file {name!r}")
    return _answer(path.read_bytes(), path.suffix, if_none_match)


def _answer(data: bytes, ending: str, known: str | None) -> Response:
    """A file, or that it is the one that is known; asked anew each time, so that none is stale."""
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    kind = TYPES[ending]
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Content-Type": kind}
    if known is not None and tag in known:
        # with its type: by that the policy is chosen, and a browser takes over the newer one
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers)
