"""JSON for programs: valid, whatever a file's name or a user's column holds."""

from __future__ import annotations

import base64
import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from vitrail.indexer.paths import raw


def plain_json(document: Any, indent: int | None = None) -> str:
    """As JSON: ASCII alone, and what JSON has no numbers for (NaN, infinity) as null."""
    text = json.dumps(plain(document), indent=indent, default=str, allow_nan=False)
    return text.replace("\x7f", "\\u007f")


def plain(value: Any) -> Any:
    """As types that JSON has, but for times: text in the place of bytes, null of NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


_PLACES = frozenset({"path", "path_raw", "paths", "paths_raw", "folder", "directory"})
MODELS = frozenset({"checkpoint", "model"})
"""Members, columns and entries of recipes that name a model, which may be a folder or a file."""
_PATH_LIKE = re.compile(r"[/~.]|[A-Za-z]:[/\\]|[^/]+/[^/]+/")  # names on the Hub have one slash


def model_name(name: str) -> str:
    """What a model is called: the last name of a folder or file, names on the Hub as they are."""
    if not _PATH_LIKE.match(name):
        return name
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1]


def encoder_name(described: str) -> str:
    """An encoder as a fingerprint describes it, ``CHECKPOINT [..]``, by its checkpoint's name."""
    checkpoint, bracket, rest = described.rpartition(" [")
    return model_name(checkpoint) + bracket + rest if bracket else model_name(described)


def without_places(document: Any) -> Any:
    """A document without what tells where files lie, at any depth.

    In the place of a path, or of several, ``name`` tells what the first file is called. Models are
    called by their names alone, also where the member ``name`` tells that an entry is one.
    """
    if isinstance(document, Mapping):
        kept = {k: _unplaced(k, v) for k, v in document.items() if k not in _PLACES}
        if isinstance(named := kept.get("name"), str) and named in MODELS:
            kept |= {k: _unplaced("model", kept[k]) for k in ("first", "second") if k in kept}
        if document.keys() & {"path", "paths"} and "name" not in kept:
            first = document.get("path") or next(iter(document.get("paths") or ()), None)
            kept["name"] = None if first is None else os.path.basename(first)
        return kept
    if isinstance(document, list | tuple):
        return [without_places(inner) for inner in document]
    return document


def _unplaced(name: str, value: Any) -> Any:
    if isinstance(value, str) and name in MODELS:
        return model_name(value)
    if isinstance(value, str) and name == "encoder":
        return encoder_name(value)
    return without_places(value)


def named_path(path: str | None) -> dict[str, str | None]:
    """A path under ``path``, as text, and under ``path_raw`` where text does not say it all.

    That is base64 of the path's own bytes, or null where the text is the path. Both are null where
    there is no path.
    """
    if path is None:
        return {"path": None, "path_raw": None}
    return {"path": readable(path), "path_raw": _raw(path)}


def named_paths(paths: Iterable[str]) -> dict[str, Any]:
    """Several, as ``paths`` and ``paths_raw``, in the same order."""
    paths = list(paths)
    return {
        "paths": [readable(path) for path in paths],
        "paths_raw": raw_paths(paths),
    }


def raw_paths(paths: Iterable[str]) -> list[str | None]:
    """The own bytes of each, in base64, where text does not say it all."""
    return [_raw(path) for path in paths]


def _raw(path: str) -> str | None:
    data = raw(path)
    return None if data is None else base64.b64encode(data).decode()


def readable(text: str) -> str:
    """Text as valid Unicode: a path's bytes that are no UTF-8 are shown escaped."""
    try:
        return os.fsencode(text).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a surrogate pair, as JSON can hold
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
