"""Indexing: the folders that may be, a job that does, and what could not be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query

from vitrail.service.documents.plain import readable
from vitrail.service.http.hosting import Asked, ServedBy
from vitrail.service.http.jobs.desk import AtDesk
from vitrail.service.http.jobs.roots import place_of
from vitrail.service.http.reading import Reading
from vitrail.service.http.schemas.indexing import IndexBody, Reject, Rejects, Root, Roots
from vitrail.service.http.schemas.jobs import JobReply
from vitrail.service.http.schemas.searches import Receipt
from vitrail.service.http.security.effects import WRITES
from vitrail.service.operations.maintaining import list_rejects

router = APIRouter(tags=["indexing"])


@router.post("/index", status_code=202, openapi_extra=WRITES)
def index(desk: AtDesk, body: IndexBody) -> JobReply:
    """Bring the collection up to date with folders that the service is set up to index."""
    return desk.ask("index", body)


@router.get("/roots")
def list_roots(options: ServedBy) -> Roots:
    """The folders that may be indexed."""
    return Roots(
        roots=[
            Root(
                name=name,
                path=readable(str(path)) if options.paths else None,
                available=Path(path).is_dir(),
            )
            for name, path in options.roots.items()
        ]
    )


@router.get("/rejects")
def get_rejects(
    hosted: Asked,
    options: ServedBy,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 500,
) -> Rejects:
    """Files that could not be indexed, each with its reason."""
    reading = Reading(hosted)
    found = list_rejects(reading.commit)
    told = []
    for one in found[:limit]:
        place = place_of(options.roots, one.path)
        root, path = place or (None, one.path if options.paths else None)
        told.append(
            Reject(
                name=readable(os.path.basename(one.path)),
                root=root,
                path=None if path is None else readable(path),
                bytes=one.size,
                reason=one.reason,
                detail=readable(one.detail),
            )
        )
    receipt = Receipt.model_validate(reading.receipt())
    return Rejects(total=len(found), rejects=told, receipt=receipt)
