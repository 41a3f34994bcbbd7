"""The gates of the service before an application that has nothing but addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from starlette.testclient import TestClient

from vitrail.service.http.app import gates
from vitrail.service.http.observing.audit import AuditLog
from vitrail.service.http.observing.metrics import Metrics
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.problems import add_problems
from vitrail.service.http.security.keyring import KeyRing
from vitrail.service.http.security.keys import make_key
from vitrail.service.http.security.scopes import KeyScope

HERE = "http://127.0.0.1:8000"
Gated = Callable[..., TestClient]


def application(options: ServiceOptions) -> FastAPI:
    """Addresses of every kind, which tell that they were reached."""
    ring = KeyRing(options.state)
    app = FastAPI(middleware=gates(options, ring, Metrics(), AuditLog(options.state)))
    app.state.options, app.state.ring = options, ring
    app.state.crowded = lambda: False
    add_problems(app)

    async def reached(request: Request, response: Response) -> dict[str, Any]:
        if request.method == "DELETE":
            response.headers["Location"] = "/v1/jobs/9"
        return {"body": len(await request.body()), "scope": request.state.caller.scope}

    for method, path in (
        ("GET", "/v1/images"),
        ("GET", "/"),
        ("POST", "/v1/search"),
        ("POST", "/v1/annotations"),
        ("DELETE", "/v1/images/{image}"),
        ("POST", "/v1/index"),
        ("GET", "/v1/livez"),
        ("GET", "/v1/jobs/{job}/events"),
    ):
        app.add_api_route(path, reached, methods=[method])
    return app


@pytest.fixture
def gated(tmp_path: Path) -> Iterator[Gated]:
    """Opens a client of such an application, set up as is said."""
    with ExitStack() as stack:

        def opened(base: str = HERE, **said: Any) -> TestClient:
            plain = ServiceOptions({"colours": tmp_path / "colours"}, tmp_path / "state")
            app = application(replace(plain, **said))
            return stack.enter_context(TestClient(app, base_url=base))

        yield opened


@pytest.fixture
def bearer(tmp_path: Path) -> Callable[[KeyScope], dict[str, str]]:
    """Makes a key, and gives the header that shows it."""

    def made(scope: KeyScope) -> dict[str, str]:
        return {"Authorization": f"Bearer {make_key(tmp_path / 'state', scope)[1]}"}

    return made
