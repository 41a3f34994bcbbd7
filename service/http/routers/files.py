"""What images look like: small copies, and the files themselves where they are given out."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from vitrail.indexer.errors import UnknownImageError
from vitrail.service.documents.plain import readable
from vitrail.service.http.fields import WithheldError
from vitrail.service.http.hosting import Asked, ServedBy
from vitrail.service.http.keeping import KeptBy
from vitrail.service.http.routers.images import ImageNumber
from vitrail.service.http.schemas.images import Size
from vitrail.service.operations.listing import known_image
from vitrail.service.operations.originals import Original, open_original
from vitrail.service.operations.thumbnails import MEDIA_TYPE, SIDES

router = APIRouter(tags=["images"])
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FOREVER = "private, max-age=31536000, immutable"
_CHECKED = "private, no-cache"  # kept, and asked after each time
_UNCHANGED: dict[str, Any] = {"description": "What the client holds is still right."}
Known = Annotated[str | None, Header(alias="If-None-Match", include_in_schema=False)]
Version = Annotated[
    str | None,
    Query(
        description="Start of the image's content hash: the reply may then be kept for ever.",
        pattern="^[0-9a-f]{6,64}$",
    ),
]


@router.get(
    "/images/{image_id}/thumbnail",
    responses={200: {"content": {MEDIA_TYPE: _BINARY}}, 304: _UNCHANGED},
    response_class=Response,
)
def get_thumbnail(
    hosted: Asked,
    kept: KeptBy,
    image_id: ImageNumber,
    size: Annotated[Size, Query(description="256, 768 or 2,048 pixels, at most.")] = "small",
    v: Version = None,
    known: Known = None,
) -> Response:
    """A small copy of an image, as WebP. It is of the bytes that were indexed, or there is none."""
    image = known_image(hosted.collection.store.snapshot(), image_id)
    headers = _headers(f"{image.content_hash}-{SIDES[size]}", image.content_hash, v)
    if _holds(known, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(kept.thumbnails.get(image, size), media_type=MEDIA_TYPE, headers=headers)


@router.get(
    "/images/{image_id}/file",
    responses={200: {"content": {"image/*": _BINARY}}, 304: _UNCHANGED},
    response_class=Response,
)
def get_file(
    hosted: Asked, served: ServedBy, image_id: ImageNumber, v: Version = None, known: Known = None
) -> Response:
    """The image's file itself, byte by byte as it was indexed, where files are given out."""
    if not served.originals:
        raise WithheldError("this service gives out no files", remedy="ask for the large thumbnail")
    image = known_image(hosted.collection.store.snapshot(), image_id)
    headers = _headers(image.content_hash, image.content_hash, v)
    if _holds(known, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    original = open_original(image)
    name = quote(readable(original.name), safe="")
    headers |= {
        "Content-Length": str(original.size),
        "Content-Disposition": f"inline; filename*=UTF-8''{name}",
    }
    return FileReply(original, headers)


class FileReply(StreamingResponse):
    """A file, which is closed however the reply ends, also if the client left before it began."""

    def __init__(self, original: Original, headers: dict[str, str]) -> None:
        super().__init__(original.chunks(), media_type=original.media_type, headers=headers)
        self._original = original

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the reply, as ASGI has it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._original.close()


def _headers(tag: str, content_hash: str, version: str | None) -> dict[str, str]:
    """What a client may keep, and for how long.

    An id alone may stand for another image once the collection was made anew.
    """
    if version is not None and not content_hash.startswith(version):
        raise UnknownImageError(f"the image with this id has another content than {version}")
    return {"ETag": f'"{tag}"', "Cache-Control": _CHECKED if version is None else _FOREVER}


def _holds(known: str | None, tag: str) -> bool:
    """Whether a client says that it holds what is told by a tag."""
    tags = [] if known is None else [one.strip().removeprefix("W/") for one in known.split(",")]
    return tag in tags or "*" in tags
