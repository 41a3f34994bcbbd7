"""JSON for programs, printed."""

from __future__ import annotations

from typing import Any

from vitrail.service.documents.plain import plain_json


def print_document(document: Any) -> None:
    """Print as JSON: ASCII alone, and what JSON has no numbers for (NaN, infinity) as null."""
    print(plain_json(document, indent=2))
