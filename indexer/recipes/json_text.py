"""JSON out of strangers' files: read within bounds of length, depth and count, or not at all."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_TEXT = 4 << 20
"""Characters of one text; ``vitrail.indexer.images.metadata`` keeps no more of an image either."""

MAX_DEPTH = 100
"""Nested lists and objects; ComfyUI's deepest workflows have about twenty."""

MAX_TOKENS = 1 << 20
"""Strings, commas and brackets; a list of empty lists would otherwise take 40 times its text."""

# A string is one token. Possessive, and matched to the end of the text where its closing quote is
# missing: no character is ever looked at twice.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)


def read_object(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is, or ``None`` where it is none, or beyond the bounds.

    Takes time in proportion to the text's length, and raises nothing. ``NaN``, which ComfyUI
    writes though it is no JSON, is read.
    """
    if len(text) > MAX_TEXT or text.lstrip()[:1] != "{" or not _is_bounded(text):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_bounded(text: str) -> bool:
    opened = text.count("[") + text.count("{")
    if opened <= MAX_DEPTH and text.count(",") + text.count('"') <= MAX_TOKENS // 2:
        return True  # nearly every text there is; what stands inside of strings is counted too
    depth = 0
    for count, token in enumerate(_TOKEN.finditer(text)):
        kind = text[token.start()]
        depth += (kind in "[{") - (kind in "]}")
        if depth > MAX_DEPTH or count >= MAX_TOKENS:
            return False
    return True
