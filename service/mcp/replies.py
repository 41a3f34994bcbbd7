"""What tools answer: a document, the same as text for those that read no other, and images."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from mcp_types import CallToolResult, ContentBlock, ImageContent, TextContent
from pydantic import ValidationError

from vitrail.indexer.errors import VitrailError
from vitrail.service.http.misfits import in_a_line, misfits
from vitrail.service.http.schemas.base import as_json
from vitrail.service.operations.thumbnails import MEDIA_TYPE


def answer(document: dict[str, Any], thumbnails: Sequence[bytes] = ()) -> CallToolResult:
    """An answer.

    Args:
        document: of it.
        thumbnails: WebP files that are shown with it.
    """
    shown: list[ContentBlock] = [
        ImageContent(data=base64.b64encode(one).decode(), mime_type=MEDIA_TYPE)
        for one in thumbnails
    ]
    text = TextContent(text=as_json(document).decode())
    return CallToolResult(content=[text, *shown], structured_content=document)


def refusal(error: VitrailError) -> CallToolResult:
    """A problem as a tool tells it: a line for who reads, and its members for programs."""
    told = {"code": error.code, "detail": error.problem, "remedy": error.remedy}
    return _refused({name: text for name, text in told.items() if text})


def unfit(error: ValidationError, given: Mapping[str, Any]) -> CallToolResult:
    """The refusal of arguments that are not as the tool declares them."""
    return _not_understood(in_a_line(misfits(error.errors(), given)))


def unknown_arguments(given: Sequence[str], known: Sequence[str]) -> CallToolResult:
    """The refusal of arguments that a tool does not have, and would ignore."""
    return _not_understood(f"there is no {' and no '.join(given)}; there are {', '.join(known)}")


def _not_understood(detail: str) -> CallToolResult:
    remedy = "call the tool with the arguments that its schema tells"
    return _refused({"code": "bad-request", "detail": detail, "remedy": remedy})


def _refused(members: dict[str, str]) -> CallToolResult:
    line = f"{members['code']}: {members['detail']}"
    if "remedy" in members:
        line += f"; {members['remedy']}"
    return CallToolResult(
        content=[TextContent(text=line)], structured_content=members, is_error=True
    )
