"""Looking at a collection as a whole: each address makes a job, but for two images compared."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from vitrail.service.documents.image_comparison import image_comparison_document
from vitrail.service.documents.plain import without_places
from vitrail.service.documents.receipts import receipt_document
from vitrail.service.http.hosting import Asked, ServedBy
from vitrail.service.http.jobs.desk import AtDesk
from vitrail.service.http.schemas.analyses import (
    AuditBody,
    ClassifyBody,
    CompareBody,
    CompareImagesBody,
    DuplicatesBody,
    LabelsBody,
    MapBody,
    PromptSearchBody,
    SampleBody,
    TrashBody,
)
from vitrail.service.http.schemas.base import reply
from vitrail.service.http.schemas.bodies import ImageNumber
from vitrail.service.http.schemas.jobs import JobReply
from vitrail.service.http.security.effects import BY_BODY, READS, WRITES
from vitrail.service.operations.references import ImageId

router = APIRouter(tags=["analyses"])


@router.post("/prompt-search", status_code=202, openapi_extra=READS)
def search_by_prompt(desk: AtDesk, body: PromptSearchBody) -> JobReply:
    """Find the images that are like what a prompt makes, and tell how far its images agree."""
    return desk.ask("prompt-search", body)


@router.post("/compare", status_code=202, openapi_extra=READS)
def compare_sets(desk: AtDesk, body: CompareBody) -> JobReply:
    """Measure how two sets of images differ, and name what makes the difference."""
    return desk.ask("compare", body)


@router.post("/compare-images", status_code=202, openapi_extra=READS)
def compare_given_images(desk: AtDesk, body: CompareImagesBody) -> JobReply:
    """Compare two images, of the collection or not, as a job."""
    return desk.ask("compare-images", body)


@router.get("/compare-images", response_model=dict[str, Any])
def compare_images(
    hosted: Asked,
    options: ServedBy,
    a: Annotated[ImageNumber, Query(description="Id of the one.")],
    b: Annotated[ImageNumber, Query(description="Id of the other.")],
) -> Response:
    """Compare two images of the collection: by layers, patches, pixels and recipes."""
    from vitrail.service.operations.comparing_images import compare_images as compare

    began = time.perf_counter()
    made = compare(hosted.collection, ImageId(a), ImageId(b))
    found = image_comparison_document(made)
    seconds = {"compare": time.perf_counter() - began}
    receipt = receipt_document(made.origin, seconds, places=hosted.places)
    return reply((found if options.paths else without_places(found)) | {"receipt": receipt})


@router.post("/audit", status_code=202, openapi_extra=READS)
def audit(desk: AtDesk, body: AuditBody) -> JobReply:
    """Hold generated images against those that they may copy."""
    return desk.ask("audit", body)


@router.post("/map", status_code=202, openapi_extra=READS)
def draw_map(desk: AtDesk, body: MapBody) -> JobReply:
    """Lay images out in the plane, near ones near one another, and name what lies together."""
    return desk.ask("map", body)


@router.post("/duplicates", status_code=202, openapi_extra=READS)
def find_duplicates(desk: AtDesk, body: DuplicatesBody) -> JobReply:
    """Find copies of images, and choose which of each to keep."""
    return desk.ask("duplicates", body)


@router.post("/trash", status_code=202, openapi_extra=WRITES)
def move_to_trash(desk: AtDesk, body: TrashBody) -> JobReply:
    """Move the files of copies that are named to the trash; only where the service allows it."""
    return desk.ask("trash", body)


@router.post("/classify", status_code=202, openapi_extra=BY_BODY)
def classify(desk: AtDesk, body: ClassifyBody) -> JobReply:
    """Tell what images are of."""
    return desk.ask("classify", body)


@router.post("/labels", status_code=202, openapi_extra=READS)
def examine_labels(desk: AtDesk, body: LabelsBody) -> JobReply:
    """Tell how well labels can be told from what images look like, or which are likely wrong."""
    return desk.ask("labels", body)


@router.post("/sample", status_code=202, openapi_extra=READS)
def choose_sample(desk: AtDesk, body: SampleBody) -> JobReply:
    """Choose a few images that stand for many."""
    return desk.ask("sample", body)
