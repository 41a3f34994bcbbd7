"""Searches: one, several at once, or by the image that a form sends."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Query, Response, UploadFile

from vitrail.indexer.errors import VitrailError
from vitrail.search.options import SearchOptions
from vitrail.service.http.answering import SearchReplies
from vitrail.service.http.asking import check_amount, check_count
from vitrail.service.http.hosting import Asked, ServedBy
from vitrail.service.http.keeping import OwnUploads
from vitrail.service.http.problems import problem_members
from vitrail.service.http.routers.operating import WatchedBy
from vitrail.service.http.schemas.base import reply
from vitrail.service.http.schemas.searches import (
    BatchReply,
    BatchRequest,
    SearchReply,
    SearchRequest,
)
from vitrail.service.http.security.effects import READS
from vitrail.service.operations.query_kinds import ImageQuery
from vitrail.service.operations.references import ImageBytes
from vitrail.service.operations.uploads import check_size

router = APIRouter(tags=["search"])


@router.post(
    "/search", responses={200: {"model": SearchReply}}, response_class=Response, openapi_extra=READS
)
def search_images(
    asked: SearchRequest, hosted: Asked, uploads: OwnUploads, served: ServedBy, watch: WatchedBy
) -> Response:
    """Find images by images, parts of images, texts, prompts, vectors, or mixtures of these.

    Several positives are one question. The receipt says whether the answer is exact, and of which
    commit it is. Images that a prompt makes are made first, which takes seconds.
    """
    check_amount([asked], served.limits)
    return reply(SearchReplies(hosted, uploads, served, watch=watch).answer(asked))


@router.post(
    "/search/batch",
    responses={200: {"model": BatchReply}},
    response_class=Response,
    openapi_extra=READS,
)
def search_batch(
    asked: BatchRequest, hosted: Asked, uploads: OwnUploads, served: ServedBy, watch: WatchedBy
) -> Response:
    """Several searches at once. One that has no answer has its problem instead."""
    check_amount(asked.searches, served.limits)
    replies = SearchReplies(hosted, uploads, served, watch=watch)
    return reply({"answers": [_answer(replies, one) for one in asked.searches]})


def _answer(replies: SearchReplies, asked: SearchRequest) -> dict[str, Any]:
    try:
        return replies.answer(asked)
    except VitrailError as error:
        return {"problem": problem_members(error, replies.served)}


@router.post(
    "/search/image",
    responses={200: {"model": SearchReply}},
    response_class=Response,
    openapi_extra=READS,
)
def search_by_image(
    hosted: Asked,
    uploads: OwnUploads,
    served: ServedBy,
    watch: WatchedBy,
    image: Annotated[UploadFile, File(description="An image file.")],
    k: Annotated[int, Query(ge=1, description="Hits, at most.")] = 10,
    where: Annotated[str | None, Query(description="SQL expression over the columns.")] = None,
    fields: Annotated[list[str] | None, Query(description="Columns of each hit's metadata.")] = (
        None
    ),
) -> Response:
    """Find images by the one that a form sends: `curl -F image=@photo.jpg .../v1/search/image`."""
    data = image.file.read()
    check_size(data, served.limits.pixels)
    query = ImageQuery(ImageBytes(data, "the image"))
    check_count(k, served.limits)
    replies = SearchReplies(hosted, uploads, served, watch=watch)
    return reply(replies.put(query, SearchOptions(k=k, where=where), fields, 0))
