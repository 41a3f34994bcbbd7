"""Images handed in, to be asked with."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from vitrail.indexer.errors import InputError
from vitrail.service.http.hosting import ServedBy
from vitrail.service.http.keeping import KeptBy, OwnUploads
from vitrail.service.http.schemas.base import Open, reply
from vitrail.service.http.schemas.images import Size
from vitrail.service.http.security.effects import READS
from vitrail.service.operations.thumbnails import MEDIA_TYPE

router = APIRouter(tags=["uploads"])
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "required": True,
    "content": {
        "image/*": _BINARY,
        "application/octet-stream": _BINARY,
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"image": _BINARY["schema"]},
                "required": ["image"],
            }
        },
    },
}


class UploadReply(Open):
    """An image that was handed in, and what names it."""

    upload: str
    width: int
    height: int
    format: str
    bytes: int


@router.post(
    "/uploads",
    status_code=201,
    responses={201: {"model": UploadReply}},
    response_class=Response,
    openapi_extra={"requestBody": _BODY, **READS},
)
async def upload_image(request: Request, uploads: OwnUploads, served: ServedBy) -> Response:
    """Hand in an image: its bytes as the body, or one file of a form.

    It is kept for an hour, for the key that it was handed in by.
    """
    data = await _sent(request)
    made = await run_in_threadpool(uploads.keep, data, served.limits.pixels)
    told = asdict(made)
    return reply({"upload": told.pop("token"), **told}, 201)


async def _sent(request: Request) -> bytes:
    """The bytes of the one image that a request holds."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.body()
    async with request.form(max_files=1, max_fields=8) as form:
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        if len(files) != 1:
            raise InputError("the form holds no file; send one image")
        return await files[0].read()


@router.get(
    "/uploads/{token}",
    responses={200: {"content": {MEDIA_TYPE: _BINARY}}},
    response_class=Response,
)
def show_upload(
    uploads: OwnUploads,
    kept: KeptBy,
    token: Annotated[str, Path(description="Of an upload.", max_length=64)],
    size: Annotated[Size, Query(description="256, 768 or 2,048 pixels, at most.")] = "medium",
) -> Response:
    """A small copy of an image that was handed in, or that a prompt made."""
    image = uploads.get(token)
    made = kept.thumbnails.of_bytes(token, image.data, size)
    headers = {"Cache-Control": "private, max-age=3600, immutable"}
    return Response(made, media_type=MEDIA_TYPE, headers=headers)
