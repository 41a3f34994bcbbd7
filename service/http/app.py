"""The application: routers, problems, and what is held open while it runs."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from vitrail.indexer.files.durability import make_directory
from vitrail.service.http.described import PROBLEMS, Application
from vitrail.service.http.heads import HeadReplies
from vitrail.service.http.hosting import Host
from vitrail.service.http.jobs.registry import KINDS
from vitrail.service.http.jobs.runner import JobRunner
from vitrail.service.http.jobs.store import JobStore
from vitrail.service.http.keeping import KeptData
from vitrail.service.http.observing.audit import AuditLog
from vitrail.service.http.observing.metrics import Metrics
from vitrail.service.http.observing.recording import Recorder
from vitrail.service.http.observing.requests import Observer
from vitrail.service.http.observing.shadow import SearchWatch
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.problems import add_problems
from vitrail.service.http.routers import (
    analyses,
    collections,
    decisions,
    explaining,
    facets,
    files,
    generation,
    health,
    images,
    indexing,
    jobs,
    login,
    operating,
    page,
    reference,
    search,
    sessions,
    uploads,
)
from vitrail.service.http.sealing import CursorSeal
from vitrail.service.http.security.admission import Admission
from vitrail.service.http.security.crowding import Crowd
from vitrail.service.http.security.effects import Effects
from vitrail.service.http.security.guarding import Guard
from vitrail.service.http.security.headers import SafeHeaders
from vitrail.service.http.security.keyring import KeyRing
from vitrail.service.http.security.origins import OriginCheck
from vitrail.service.http.security.rates import parse_rate
from vitrail.service.http.security.sharing import Shares

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    sessions.router,
    operating.router,
    search.router,
    explaining.router,
    images.router,
    files.router,
    facets.router,
    collections.router,
    uploads.router,
    jobs.router,
    generation.router,
    indexing.router,
    analyses.router,
    decisions.router,
)

PREFIX = "/v1"
_BEARER = HTTPBearer(
    scheme_name="key", description="A key, as `vitrail keys new` shows it.", auto_error=False
)
PAGES: tuple[APIRouter, ...] = (login.router, page.router, reference.router)


def create_app(options: ServiceOptions) -> FastAPI:
    """The service of some collections, which are opened when it starts.

    Args:
        options: what is served, and how.

    Raises:
        InputError: the rate of the options is none.
    """
    if options.rate is not None:
        parse_rate(options.rate)  # the gates are made at the first request
    ring, metrics, audit = KeyRing(options.state), Metrics(), AuditLog(options.state)

    watch = SearchWatch(metrics)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        make_directory(str(options.state))
        with (
            ring,
            watch,
            JobStore(options.state) as store,
            _opened(options, app.state.kept) as host,
            JobRunner(host, options, app.state.kept.uploads, store, KINDS) as runner,
        ):
            app.state.host, app.state.runner = host, runner
            app.state.seal = CursorSeal.in_folder(options.state)
            metrics.watch("vitrail_jobs", "Jobs, by their state.", "state", store.counts)
            told = "Passes of the encoder, by how many images they embedded."
            metrics.watch("vitrail_encoder_batches", told, "images", host.batches)
            yield

    app = Application(
        title="Vitrail",
        version=version("vitrail"),
        summary="Image search over Vision Transformer embeddings.",
        lifespan=lifespan,
        responses=PROBLEMS,
        docs_url=None,  # its page would be read from elsewhere
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        generate_unique_id_function=_operation_id,
        middleware=gates(options, ring, metrics, audit),
        # for readers of the document; who is let in the gates have seen to by then
        dependencies=[Security(_BEARER)] if options.needs_keys else [],
    )
    app.state.options, app.state.ring = options, ring
    app.state.metrics, app.state.audit, app.state.watch = metrics, audit, watch
    app.state.crowded = lambda: False  # whoever holds the connections tells better
    app.state.closing = threading.Event()  # set when the service ends, for what would go on
    app.state.kept = KeptData.in_folder(options.state)
    add_problems(app)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    for router in PAGES:
        app.include_router(router)
    return app


def _opened(options: ServiceOptions, kept: KeptData) -> Host:
    return Host(
        options.collections,
        runtime=options.runtime,
        device=options.device,
        precision=options.precision,
        checkpoints=options.checkpoints,
        ahead=options.warm,
        chore=kept.uploads.sweep,
        places=options.paths,
    )


def gates(
    options: ServiceOptions, ring: KeyRing, metrics: Metrics, audit: AuditLog
) -> list[Middleware]:
    """What every request goes through, the outermost first; each refuses as early as it can."""
    pages_of_others = Middleware(
        CORSMiddleware,
        allow_origins=options.allow_origins,
        allow_methods=("GET", "HEAD", "POST", "DELETE"),
        allow_headers=("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"),
        expose_headers=("X-Request-Id", "Retry-After", "Location"),
    )
    return [
        Middleware(Observer, metrics),
        Middleware(SafeHeaders),
        Middleware(Crowd),
        Middleware(OriginCheck, options),
        *([pages_of_others] if options.allow_origins else []),
        Middleware(Admission, options.limits),
        Middleware(Guard, options, ring, Effects(ROUTERS, PREFIX)),
        Middleware(Shares, options),
        Middleware(Recorder, audit),
        Middleware(HeadReplies),
    ]


def _operation_id(route: APIRoute) -> str:
    """The function's name, which stays when its address changes; a test finds each only once."""
    return route.name
