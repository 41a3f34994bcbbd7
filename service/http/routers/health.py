"""Whether the service lives, and whether it can answer."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from vitrail.service.http.hosting import Host, host_of

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """All collections are open.

    Attributes:
        images: name of the collection -> how many images it holds.
    """

    status: Literal["ready"] = "ready"
    images: dict[str, int]


@router.get("/livez")
async def is_alive() -> Alive:
    """Whether the process answers at all."""
    return Alive()


@router.get("/readyz")
def is_ready(host: Annotated[Host, Depends(host_of)]) -> Ready:
    """Whether searches can be answered."""
    return Ready(images={one.name: len(one.collection.store) for one in host.all()})
