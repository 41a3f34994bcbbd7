"""Places that callers share: nobody holds more of them at once than are left for others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.problems import problem
from vitrail.service.http.security.admission import RETRY_SECONDS, Kind, announced, kind_of
from vitrail.service.http.security.callers import Caller


@dataclass(slots=True)
class HeldPlaces:
    """What is held: by one caller, or by all.

    Attributes:
        requests: that are being answered, logins among them.
        streams: of events that are open.
        bytes: of bodies, as they were announced.
    """

    requests: int = 0
    streams: int = 0
    bytes: int = 0

    def add(self, kind: Kind, size: int, step: int) -> None:
        """Count one more, or one less."""
        self.requests += step * (kind != "streams")
        self.streams += step * (kind == "streams")
        self.bytes += step * size

    def of(self, kind: Kind) -> int:
        """How many of a kind."""
        return self.streams if kind == "streams" else self.requests


class Shares:
    """Refuses who holds as many places as are left, where callers are told apart by keys.

    Alone somebody may so hold half of them; who comes next, half of the rest.

    Args:
        app: what lies behind it.
        options: whether keys are needed, and how much is taken in at once.
    """

    def __init__(self, app: ASGIApp, options: ServiceOptions) -> None:
        self._app, self._limits, self._shared = app, options.limits, options.needs_keys
        self.all = HeldPlaces()
        self.own: dict[str, HeldPlaces] = defaultdict(HeldPlaces)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or say that its caller has to wait."""
        caller: Caller | None = scope.get("state", {}).get("caller")
        if scope["type"] != "http" or caller is None or caller.key is None or not self._shared:
            await self._app(scope, receive, send)
            return
        kind = kind_of(scope)
        told = announced(scope)
        size = self._limits.body if told is None else told
        if self._is_too_much(caller.who, kind, size):
            await _refusal(self.own[caller.who].of(kind))(scope, receive, send)
            return
        with self._counted(caller.who, kind, size):
            await self._app(scope, receive, send)

    def _is_too_much(self, who: str, kind: Kind, size: int) -> bool:
        own = self.own.get(who)
        if own is None:  # who holds nothing is let in as long as there is room at all
            return False
        most = self._limits.streams if kind == "streams" else self._limits.requests
        too_many = own.of(kind) > 0 and own.of(kind) >= most - self.all.of(kind)
        left = self._limits.bodies - self.all.bytes
        return too_many or (size > 0 and own.bytes > 0 and own.bytes + size > left)

    @contextmanager
    def _counted(self, who: str, kind: Kind, size: int) -> Iterator[None]:
        own = self.own[who]
        for one in (own, self.all):
            one.add(kind, size, 1)
        try:
            yield
        finally:
            for one in (own, self.all):
                one.add(kind, size, -1)
            if own == HeldPlaces():
                self.own.pop(who, None)


def _refusal(held: int) -> Response:
    return problem(
        429,
        "share-taken",
        f"{held} requests of yours are being answered, and the other places are for others",
        remedy=f"ask again in {RETRY_SECONDS} s, for less at once",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )
