"""Whether the service lives, and whether it can answer."""

from __future__ import annotations

import shutil
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from vitrail.service.http.hosting import Host, ServedBy, host_of
from vitrail.service.http.security.guarding import CalledBy
from vitrail.service.http.security.scopes import KeyScope

router = APIRouter(tags=["health"])
LEAST_FREE = 256 << 20  # bytes on the disk of the service's state, below which it is told


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """All collections are open.

    Attributes:
        status: ``degraded`` where searches are answered, and something else is not as it should.
        reasons: of that, a line each.
        images: name of the collection -> how many images it holds; empty for who may not ask.
    """

    status: Literal["ready", "degraded"]
    reasons: list[str]
    images: dict[str, int]


@router.get("/livez")
async def is_alive() -> Alive:
    """Whether the process answers at all."""
    return Alive()


@router.get("/readyz")
def is_ready(host: Annotated[Host, Depends(host_of)], options: ServedBy, caller: CalledBy) -> Ready:
    """Whether searches can be answered, and what is not as it should be."""
    known = caller.may(KeyScope.READ)
    reasons = [
        f"{name if known else 'a collection'} cannot be read at its newest commit, and answers "
        f"of the one before ({code})"
        for name, code in host.troubles.items()
    ]
    try:
        free = shutil.disk_usage(options.state).free
    except OSError:
        reasons.append("the folder of the service's state cannot be reached")
    else:
        if free < LEAST_FREE:
            reasons.append(f"the disk of the service's state has {free >> 20} MiB left")
    return Ready(
        status="degraded" if reasons else "ready",
        reasons=reasons,
        images={one.name: len(one.collection.store) for one in host.all()} if known else {},
    )
