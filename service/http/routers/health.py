"""Whether the service lives, and whether it can answer."""

from __future__ import annotations

import shutil
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from vitrail.service.http.hosting import Host, ServedBy, host_of
from vitrail.service.http.jobs.desk import DoneBy
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.security.guarding import CalledBy
from vitrail.service.http.security.scopes import KeyScope

router = APIRouter(tags=["health"])
LEAST_FREE = 256 << 20  # bytes on the disk of the service's state, below which it is told


Status = Literal["ready", "degraded", "loading", "unready"]


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """Whether all collections are open, and what they are asked with is loaded.

    Attributes:
        status: ``degraded`` where searches are answered, and something else is not as it should;
            ``loading`` while encoders are loaded ahead, and ``unready`` where no job can be done,
            both by 503.
        reasons: of that, a line each.
        images: name of the collection -> how many images it holds; empty for who may not ask.
    """

    status: Status
    reasons: list[str]
    images: dict[str, int]


@router.get("/livez")
async def is_alive() -> Alive:
    """Whether the process answers at all."""
    return Alive()


@router.get("/readyz", responses={503: {"model": Ready, "description": "Ask again later."}})
def is_ready(
    host: Annotated[Host, Depends(host_of)],
    runner: DoneBy,
    options: ServedBy,
    caller: CalledBy,
    response: Response,
) -> Ready:
    """Whether searches can be answered, and what is not as it should be."""
    known = caller.may(KeyScope.READ)
    loading = [
        f"what {name if known else 'a collection'} is asked with is being loaded"
        for name in host.loading
    ]
    lost = [] if runner.store.is_there else ["the table of jobs was taken away"]
    reasons = [*loading, *lost, *_not_as_it_should(host, options, known=known)]
    status: Status = "degraded" if reasons else "ready"
    if loading or lost:
        status, response.status_code = ("unready" if lost else "loading"), 503
    return Ready(
        status=status,
        reasons=reasons,
        images={one.name: len(one.collection.store) for one in host.all()} if known else {},
    )


def _not_as_it_should(host: Host, options: ServiceOptions, *, known: bool) -> list[str]:
    """What is wrong while searches are answered, a line each."""
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
    return reasons
