"""What is for who runs the service."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from vitrail.service.http.observing.metrics import Metrics
from vitrail.service.http.observing.shadow import SearchWatch

router = APIRouter(tags=["operation"])


def metrics_of(request: Request) -> Metrics:
    """Where the service that a request came to counts."""
    metrics: Metrics = request.app.state.metrics
    return metrics


async def watch_of(request: Request) -> SearchWatch:
    """What looks on as the service that a request came to answers searches."""
    watch: SearchWatch = request.app.state.watch
    return watch


WatchedBy = Annotated[SearchWatch, Depends(watch_of)]


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def read_metrics(request: Request) -> Response:
    """Read what the service counts, in Prometheus' format."""
    return Response(metrics_of(request).text(), media_type=CONTENT_TYPE_LATEST)
