"""What a request changes, as its route declares: all that a service which only reads goes by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import Match

from vitrail.indexer.errors import VitrailError

Effect = Literal["reads", "writes", "by-body"]
MEMBER = "x-effect"
"""Member of an operation in the API's document."""
READS: dict[str, Any] = {MEMBER: "reads"}
"""Nothing of a collection or of its images' files changes; the service's own state may."""
WRITES: dict[str, Any] = {MEMBER: "writes"}
BY_BODY: dict[str, Any] = {MEMBER: "by-body"}
"""What is asked tells, so whoever has read it refuses."""
SAFE = ("GET", "HEAD", "OPTIONS")


class ReadOnlyError(VitrailError):
    """What writes was asked of a service that only reads."""

    code = "read-only"


def only_reads() -> ReadOnlyError:
    """The refusal of what writes."""
    return ReadOnlyError(
        "this service only reads",
        remedy="start it without --read-only, or use the command line",
    )


class Effects:
    """The effects of all routes.

    Args:
        routers: whose routes they are, in the order in which they are looked through.
        prefix: of their addresses.
    """

    def __init__(self, routers: Iterable[APIRouter], prefix: str) -> None:
        self._prefix = prefix
        self._routes = [
            route
            for router in routers
            for route in router.routes
            if isinstance(route, APIRoute) and not {*SAFE}.issuperset(route.methods or ())
        ]

    def of(self, method: str, path: str) -> Effect:
        """What a request changes; what no route declares, and what has none, is taken to write.

        Args:
            method: of HTTP.
            path: the address below the service's own root.
        """
        if method in SAFE:
            return "reads"
        asked = {"type": "http", "method": method, "path": path.removeprefix(self._prefix)}
        for route in self._routes if path.startswith(self._prefix) else ():
            if route.matches(asked)[0] is Match.FULL:
                return declared(route)
        return "writes"


def declared(route: APIRoute) -> Effect:
    """What a route says of itself."""
    effect: Effect = (route.openapi_extra or WRITES).get(MEMBER, "writes")
    return effect
