"""The application: routers, problems, and what is held open while it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from vitrail.service.http.hosting import Host
from vitrail.service.http.keeping import KeptData
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.problems import add_problems
from vitrail.service.http.routers import (
    collections,
    facets,
    files,
    health,
    images,
    page,
    search,
    uploads,
)

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    search.router,
    images.router,
    files.router,
    facets.router,
    collections.router,
    uploads.router,
)


def create_app(options: ServiceOptions) -> FastAPI:
    """The service of some collections, which are opened when it starts.

    Args:
        options: what is served, and how.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with Host(options.collections) as host:
            app.state.host = host
            yield

    app = FastAPI(
        title="Vitrail",
        version=version("vitrail"),
        summary="Image search over Vision Transformer embeddings.",
        lifespan=lifespan,
        docs_url=None,  # its page would be read from elsewhere
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        generate_unique_id_function=_operation_id,
        max_body_size=options.limits.body,
    )
    app.state.options = options
    app.state.kept = KeptData.in_folder(options.state)
    add_problems(app)
    for router in ROUTERS:
        app.include_router(router, prefix="/v1")
    app.include_router(page.router)
    return app


def _operation_id(route: APIRoute) -> str:
    """The function's name, which stays when its address changes; a test finds each only once."""
    return route.name
