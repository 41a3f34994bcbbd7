"""The API's own description: OpenAPI, in which every operation tells of its problems."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from vitrail.service.http.problems import MEDIA_TYPE


class Problem(BaseModel):
    """Why a request was not answered (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:vitrail:problem:not-found",
                    "title": "There is no such thing",
                    "status": 404,
                    "code": "not-found",
                    "detail": "the id '17' names no image of this collection",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    code: Annotated[str, Field(description="Short and stable, for programs.")]
    detail: Annotated[str, Field(description="One line for people.")]
    remedy: Annotated[
        str, Field(description="What to do about it; absent where that is plain.")
    ] = ""


def _told(description: str) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": _told("The request cannot be answered as it is."),
    "5XX": _told("The service cannot answer now; a 503 that is told to retry may be asked again."),
}
"""What every operation may answer."""


class Application(FastAPI):
    """FastAPI's, whose document holds what its problems look like."""

    def openapi(self) -> dict[str, Any]:
        """The document."""
        document = super().openapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault("Problem", Problem.model_json_schema())
        return document
