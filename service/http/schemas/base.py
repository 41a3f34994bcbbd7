"""What all requests and replies have in common."""

from __future__ import annotations

from typing import Any

from fastapi import Response
from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json


class Closed(BaseModel):
    """A part of a request: types as they stand, no member that is unknown, no endless number.

    Python reads `1e999`, `NaN` and `Infinity` as numbers, and no reply could tell them.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Open(BaseModel):
    """A part of a reply, for the description of the service alone."""

    model_config = ConfigDict(extra="forbid")


def reply(document: Any, status: int = 200) -> Response:
    """A document as a response: what JSON has no numbers for as null, times by ISO 8601."""
    return Response(as_json(document), status, media_type="application/json")


def as_json(document: Any) -> bytes:
    """A document's JSON.

    Names of files and labels may hold what is no Unicode, which is escaped then.
    """
    from vitrail.service.documents.plain import plain_json

    try:
        return to_json(document, inf_nan_mode="null", bytes_mode="base64")
    except (ValueError, UnicodeError):
        return plain_json(document).encode()
