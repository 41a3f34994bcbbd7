"""The images of a collection: listed, shown, explained, taken out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from vitrail.indexer.errors import FilterError, InputError
from vitrail.indexer.wording import counted
from vitrail.search.listing import ListOptions
from vitrail.search.options import Only
from vitrail.service.documents.images import metadata_document
from vitrail.service.documents.lineage import lineage_document
from vitrail.service.documents.plain import without_places
from vitrail.service.http.asking import check_count
from vitrail.service.http.fields import check_order, fields_of
from vitrail.service.http.hosting import Asked, ServedBy, follow
from vitrail.service.http.jobs.desk import DoneBy
from vitrail.service.http.reading import Reading
from vitrail.service.http.schemas.base import reply
from vitrail.service.http.schemas.images import (
    AnnotationReply,
    AnnotationRequest,
    ImageReply,
    LineageReply,
    ListReply,
    RecipeReply,
    RemovedReply,
)
from vitrail.service.http.sealing import SealedBy
from vitrail.service.http.security.effects import WRITES
from vitrail.service.operations.annotating import annotate_images
from vitrail.service.operations.columns import split_names
from vitrail.service.operations.json_filters import join_filters
from vitrail.service.operations.lineage import trace_lineage
from vitrail.service.operations.list_pages import list_page
from vitrail.service.operations.listing import known_image
from vitrail.service.operations.references import ImageId
from vitrail.service.operations.removing import remove

router = APIRouter(tags=["images"])
ImageNumber = Annotated[int, Path(ge=0, lt=2**63, description="Of the image.")]
Fields = Annotated[
    list[str] | None, Query(description="Columns that are told; several, or `*` for all.")
]


@router.get("/images", responses={200: {"model": ListReply}}, response_class=Response)
def list_images(
    hosted: Asked,
    served: ServedBy,
    seal: SealedBy,
    where: Annotated[str | None, Query(description="SQL expression over the columns.")] = None,
    as_json: Annotated[str | None, Query(alias="filter", description="The same as JSON.")] = None,
    only: Annotated[Only, Query(description="Kind of images.")] = "all",
    sort: Annotated[
        list[str] | None, Query(description="Columns; - before one for the largest first.")
    ] = None,
    k: Annotated[int, Query(ge=1, description="Images of a page.")] = 50,
    after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    draw: Annotated[
        int | None, Query(ge=0, lt=2**31, description="Draw k images at random, by this seed.")
    ] = None,
    fields: Fields = None,
) -> Response:
    """Images without a query, page by page, in any order."""
    check_count(k, served.limits)
    reading = Reading(hosted)
    told = fields_of(reading.commit, split_names(reading.commit, fields), served)
    keys = split_names(reading.commit, sort) or []
    check_order(keys, served)
    options = ListOptions(join_filters(where, _parsed(as_json)), only, tuple(keys))
    if draw is not None:
        options = replace(options, sample=k, seed=draw)
    page = list_page(reading.commit, options, k, None if after is None else seal.open(after))
    nothing = page.nothing
    filtered = options.where is not None or only != "all"
    return reply(
        {
            "images": [
                {"id": image.id, "metadata": metadata_document(image, told, places=served.paths)}
                for image in page.images
            ],
            "total": page.total,
            "next": None if page.next is None else seal.seal(page.next),
            "reason": None if nothing is None else nothing.reason,
            "hints": [] if nothing is None else list(nothing.hints),
            "receipt": reading.receipt(page.total if filtered else None),
        }
    )


def _parsed(given: str | None) -> dict[str, Any] | None:
    if given is None:
        return None
    try:
        parsed = json.loads(given)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise FilterError(f"{given[:60]!r} is no filter; give a JSON object")
    return parsed


@router.get("/images/{image_id}", responses={200: {"model": ImageReply}}, response_class=Response)
def get_image(
    hosted: Asked, served: ServedBy, image_id: ImageNumber, fields: Fields = None
) -> Response:
    """All that is known of an image, or some of it."""
    reading = Reading(hosted)
    told = fields_of(reading.commit, split_names(reading.commit, fields) or ["*"], served)
    image = known_image(reading.commit, image_id)
    document = {"id": image.id, "metadata": metadata_document(image, told, places=served.paths)}
    return reply(document | {"receipt": reading.receipt()})


@router.get("/images/{image_id}/lineage", responses={200: {"model": LineageReply}})
def get_lineage(hosted: Asked, served: ServedBy, image_id: ImageNumber) -> Response:
    """What an image was made from, and what was made from it."""
    reading = Reading(hosted)
    document = lineage_document(trace_lineage(reading.commit, ImageId(image_id)))
    told = document if served.paths else without_places(document)
    return reply(told | {"receipt": reading.receipt()})


@router.get("/images/{image_id}/recipe", responses={200: {"model": RecipeReply}})
def get_recipe(hosted: Asked, served: ServedBy, image_id: ImageNumber) -> Response:
    """What made an image."""
    reading = Reading(hosted)
    image = known_image(reading.commit, image_id)
    told = metadata_document(image, ("id", "content_hash", "recipe"), places=served.paths)
    return reply(told | {"receipt": reading.receipt()})


@router.delete("/images/{image_id}", responses={200: {"model": RemovedReply}}, openapi_extra=WRITES)
def remove_image(hosted: Asked, runner: DoneBy, image_id: ImageNumber) -> Response:
    """Take an image out of the collection; its files stay on disk."""
    with runner.writing(hosted.name):
        done = remove(hosted.directory, [ImageId(image_id)]).removed
    follow(hosted)
    assert done is not None  # it was no dry run
    return reply({"images": done.images, "files": done.files})


@router.post("/annotations", responses={200: {"model": AnnotationReply}}, openapi_extra=WRITES)
def annotate(asked: AnnotationRequest, hosted: Asked, runner: DoneBy) -> Response:
    """Set columns of your own on images, by which they can be filtered from then on."""
    columns = {name: _each(name, given, asked.ids) for name, given in asked.columns.items()}
    with runner.writing(hosted.name):
        images = annotate_images(hosted.directory, asked.ids, columns)
    follow(hosted)
    return reply({"images": images})


def _each(name: str, given: Any, ids: list[int]) -> list[Any]:
    """A value for each image."""
    if not isinstance(given, list):
        return [given] * len(ids)
    if len(given) != len(ids):
        values, images = counted(len(given), "value"), counted(len(ids), "image")
        raise InputError(
            f"column {name[:60]!r} has {values} for {images}; give one value for all, or a list "
            "with one for each"
        )
    return given
