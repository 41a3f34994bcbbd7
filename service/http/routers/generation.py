"""Making images: each address makes a job."""

from __future__ import annotations

from fastapi import APIRouter

from vitrail.service.http.hosting import ServedBy
from vitrail.service.http.jobs.desk import AtDesk
from vitrail.service.http.schemas.generation import (
    GenerateBody,
    ImageToImageBody,
    InpaintBody,
    ModelsReply,
    StyleBody,
)
from vitrail.service.http.schemas.jobs import JobReply
from vitrail.service.http.security.effects import WRITES

router = APIRouter(tags=["generation"])


@router.get("/models")
def list_models(options: ServedBy) -> ModelsReply:
    """What may draw, by the names that bodies use."""
    return ModelsReply(models=list(options.models))


@router.post("/generate", status_code=202, openapi_extra=WRITES)
def generate(desk: AtDesk, body: GenerateBody) -> JobReply:
    """Make images from prompts, and index them with their recipes."""
    return desk.ask("generate", body)


@router.post("/image-to-image", status_code=202, openapi_extra=WRITES)
def image_to_image(desk: AtDesk, body: ImageToImageBody) -> JobReply:
    """Draw an image anew under a prompt."""
    return desk.ask("image-to-image", body)


@router.post("/inpaint", status_code=202, openapi_extra=WRITES)
def inpaint(desk: AtDesk, body: InpaintBody) -> JobReply:
    """Repaint part of an image; every pixel outside of the mask stays."""
    return desk.ask("inpaint", body)


@router.post("/style", status_code=202, openapi_extra=WRITES)
def transfer_style(desk: AtDesk, body: StyleBody) -> JobReply:
    """Give the look of one image to another."""
    return desk.ask("style", body)
