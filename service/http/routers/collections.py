"""The collections that are served, and what each holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from vitrail.service.documents.plain import encoder_name
from vitrail.service.http.hosting import Asked, Host, ServedBy, host_of
from vitrail.service.http.reading import Reading
from vitrail.service.http.schemas.base import Open, reply
from vitrail.service.http.schemas.searches import Receipt
from vitrail.service.operations.columns import list_columns
from vitrail.service.operations.maintaining import describe

router = APIRouter(tags=["collections"])


class NamedCollection(Open):
    """A collection that is served."""

    name: str
    images: int
    checkpoint: str


class CollectionsReply(Open):
    """All of them, the default one first."""

    collections: list[NamedCollection]


class CollectionReply(Open):
    """What a collection holds, in numbers."""

    name: str
    info: dict[str, Any]
    default_weights: dict[str, float]
    receipt: Receipt


class ColumnReply(Open):
    """A column, by which images can be filtered, sorted and grouped."""

    name: str
    kind: str
    words: str
    own: bool


class ColumnsReply(Open):
    """All columns, those of your own last."""

    columns: list[ColumnReply]
    receipt: Receipt


@router.get("/collections", responses={200: {"model": CollectionsReply}}, response_class=Response)
def list_collections(host: Annotated[Host, Depends(host_of)]) -> Response:
    """The collections that are served, by name; requests that name none ask the first."""
    return reply(
        {
            "collections": [
                {
                    "name": one.name,
                    "images": len(one.collection.store),
                    "checkpoint": one.checkpoint,
                }
                for one in host.all()
            ]
        }
    )


@router.get("/collection", responses={200: {"model": CollectionReply}}, response_class=Response)
def get_collection(hosted: Asked, served: ServedBy) -> Response:
    """What a collection holds: counts, spaces, folders, sizes."""
    reading = Reading(hosted)
    info = describe(hosted.collection.store).to_dict()
    if not served.paths:
        del info["directory"]
        info["checkpoint"] = hosted.checkpoint
        info["encoder"] = encoder_name(info["encoder"])
        info["siblings"] = [encoder_name(one) for one in info["siblings"]]
        for root in info["roots"]:
            del root["path"], root["path_raw"]
    return reply(
        {
            "name": hosted.name,
            "info": info,
            "default_weights": reading.commit.default_weights,
            "receipt": reading.receipt(),
        }
    )


@router.get("/columns", responses={200: {"model": ColumnsReply}}, response_class=Response)
def get_columns(hosted: Asked) -> Response:
    """The columns that images can be filtered, sorted and grouped by."""
    reading = Reading(hosted)
    columns = [asdict(one) for one in list_columns(reading.commit)]
    return reply({"columns": columns, "receipt": reading.receipt()})
