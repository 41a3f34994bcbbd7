"""The service asked within this process, without a port that others could reach."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI

from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.serving import bounded_filters, own_state

ADDRESS = "http://127.0.0.1"
"""By which it is asked; nothing listens there."""


class Within(httpx2.BaseTransport):
    """Carries requests of a client to an application of this process; threads may share it.

    Args:
        app: the application.
        portal: to the thread that it runs in.
    """

    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        # what nobody foresaw is a reply of its own already, and told in the log
        self._carrier = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        self._portal = portal

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """What the application answers, whole."""
        request.read()
        return self._portal.call(self._answered, request)

    async def _answered(self, request: httpx2.Request) -> httpx2.Response:
        answer = await self._carrier.handle_async_request(request)
        body = await answer.aread()
        return httpx2.Response(answer.status_code, headers=answer.headers, content=body)


@contextmanager
def answering_within(options: ServiceOptions) -> Iterator[Within]:
    """The service of some collections, for as long as this is entered.

    Args:
        options: what is served, and how; it is asked by ``ADDRESS``.

    Raises:
        InputError: another service has the folder of state, or that cannot be written.
        CollectionError: a collection is missing, damaged or of a newer format.
    """
    with own_state(options), bounded_filters(options), start_blocking_portal() as portal:
        app = create_app(options)
        with portal.wrap_async_context_manager(app.router.lifespan_context(app)):
            yield Within(app, portal)
