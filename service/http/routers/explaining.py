"""Why a question finds an image, and how it finds all others."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Response
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError, UnknownImageError
from vitrail.search.options import DEFAULTS, SearchOptions
from vitrail.service.documents.answers import explanation_document
from vitrail.service.documents.receipts import receipt_document, result_receipt
from vitrail.service.http.asking import check_amount, options_of, query_of
from vitrail.service.http.hosting import Asked, Hosted, ServedBy
from vitrail.service.http.keeping import OwnUploads
from vitrail.service.http.routers.images import ImageNumber
from vitrail.service.http.schemas.base import reply
from vitrail.service.http.schemas.images import ExplainReply
from vitrail.service.http.schemas.searches import ExplainRequest, SpreadReply, SpreadRequest
from vitrail.service.http.security.effects import READS
from vitrail.service.operations.explaining import explain_answer
from vitrail.service.operations.query_kinds import AnyQuery, ImageQuery
from vitrail.service.operations.references import ImageId
from vitrail.service.operations.score_spreads import spread_scores
from vitrail.service.operations.searching import search

router = APIRouter(tags=["search"])


@router.post(
    "/search/explain",
    responses={200: {"model": ExplainReply}},
    response_class=Response,
    openapi_extra=READS,
)
def explain_hit(
    asked: ExplainRequest, hosted: Asked, uploads: OwnUploads, served: ServedBy
) -> Response:
    """Why a question finds an image: shares of its score, and what matches in both images.

    The question is a search's. Its filter, number of hits, groups and order do not count.
    """
    plain = asked.model_copy(update={"where": None, "filter": None, "k": 1})
    check_amount([plain], served.limits)
    query, options = query_of(asked, uploads, served), options_of(plain, served)
    return _explained(hosted, query, options, asked.id)


@router.get(
    "/images/{image_id}/explain", responses={200: {"model": ExplainReply}}, response_class=Response
)
def explain_image(
    hosted: Asked,
    uploads: OwnUploads,
    image_id: ImageNumber,
    query: Annotated[
        int | None, Query(ge=0, lt=2**63, description="Id of the image that is asked with.")
    ] = None,
    upload: Annotated[str | None, Query(description="Token of one that was handed in.")] = None,
) -> Response:
    """Why one image finds another; what a larger question finds `POST /v1/search/explain` tells."""
    if (query is None) == (upload is None):
        raise InputError("name the image that is asked with: either query=ID or upload=TOKEN")
    image = ImageId(query) if query is not None else uploads.get(upload or "")
    return _explained(hosted, ImageQuery(image), DEFAULTS, image_id)


def _explained(hosted: Hosted, query: AnyQuery, options: SearchOptions, image_id: int) -> Response:
    alone = replace(
        options,
        k=1,
        where=f"id = {image_id}",
        only="all",
        min_score=None,
        max_fpr=None,
        group_by=None,
        diverse=None,
        sort=None,
        after=None,
    )
    answer = search(hosted.collection, query, alone)
    if not answer.result.hits:
        raise UnknownImageError(
            f"this question does not find image {image_id}",
            remedy="name an image of the collection that is not asked with",
        )
    answer = explain_answer(hosted.collection, answer, first=1)
    (hit,), (why,), result = answer.result.hits, answer.explanations, answer.result
    return reply(
        {
            "id": hit.id,
            "score": hit.score,
            "scores": hit.scores,
            "fpr": hit.fpr,
            "closeness": hit.closeness,
            "explanation": explanation_document(why),
            "weights": result.weights,
            "receipt": result_receipt(result, {}, places=hosted.places),
        }
    )


@router.post(
    "/search/scores",
    responses={200: {"model": SpreadReply}},
    response_class=Response,
    openapi_extra=READS,
)
def spread_of_scores(
    asked: SpreadRequest, hosted: Asked, uploads: OwnUploads, served: ServedBy
) -> Response:
    """How all images score for a question, as a histogram, to choose `min_score` by.

    Of more than 20,000 images a sample is looked at. The question is a search's; its cutoffs,
    number of hits, groups and order do not count.
    """
    began = time.perf_counter()
    check_amount([asked], served.limits)
    query = query_of(asked, uploads, served)
    options = options_of(asked.model_copy(update={"k": 1}), served)
    found = spread_scores(hosted.collection, query, options)
    counts, edges = np.histogram(found.scores, asked.bins, _range(found.scores))
    assert found.origin is not None  # every commit's answer has one
    receipt = receipt_document(
        found.origin,
        {"scores": time.perf_counter() - began},
        candidates=len(found.scores),
        allowed=None if options.where is None and options.only == "all" else found.images,
        exact=len(found.scores) == found.images,
        recall=len(found.scores) / max(1, found.images),
        places=hosted.places,
    )
    return reply(
        {
            "low": float(edges[0]),
            "high": float(edges[-1]),
            "counts": counts.tolist(),
            "compared": len(found.scores),
            "images": found.images,
            "scale": None if found.scale is None else asdict(found.scale),
            "receipt": receipt,
        }
    )


def _range(scores: NDArray[np.float32]) -> tuple[float, float]:
    """From the least to the highest, or all that cosines can be."""
    if not len(scores) or scores.min() == scores.max():
        return -1.0, 1.0
    return float(scores.min()), float(scores.max())
