"""Documents without the folders that files lie in, for replies that are not to tell them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PARTS = re.compile(r"[/\\]")
_ONE = {"path": "name"}
_SEVERAL = {"paths": "names", "unreadable": "unreadable", "absent": "absent"}


def without_folders(document: Any) -> Any:
    """The same with ``name`` in the place of each ``path``, and ``names`` in that of ``paths``.

    The raw bytes of paths are left out.
    """
    if isinstance(document, list | tuple):
        return [without_folders(one) for one in document]
    if not isinstance(document, Mapping):
        return document
    told: dict[str, Any] = {}
    for key, value in document.items():
        if key.endswith("_raw"):
            continue
        if key in _ONE:
            told.setdefault(_ONE[key], None if value is None else last_part(value))
        elif key in _SEVERAL and isinstance(value, list | tuple):
            told[_SEVERAL[key]] = [last_part(one) for one in value]
        else:
            told[key] = without_folders(value)
    return told


def last_part(path: str) -> str:
    """The name of a file, wherever it lies."""
    return _PARTS.split(path.rstrip("/\\"))[-1]
