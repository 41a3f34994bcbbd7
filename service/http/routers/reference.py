"""The page on which people read, and try, the API."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

PAGE = Path(__file__).parents[2] / "web" / "reference" / "reference.html"

router = APIRouter(include_in_schema=False)


@router.get("/docs", response_class=HTMLResponse)
def read_reference() -> HTMLResponse:
    """The page; all that it needs comes from this service."""
    return HTMLResponse(PAGE.read_text("utf-8"), headers={"Cache-Control": "no-cache"})
