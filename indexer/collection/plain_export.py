"""A collection as CSV or as lines of JSON: the columns that one can filter by, without vectors."""

from __future__ import annotations

import csv
import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.listing import Listing

if TYPE_CHECKING:
    from vitrail.indexer.collection.store import CollectionStore


def write_csv(collection: CollectionStore, path: str, where: str | None) -> int:
    """Write a line an image, after one of names; lists and recipes are JSON in a cell."""
    count = 0
    with (
        open(path, "w", encoding="utf-8", newline="") as file,
        collection.listed(Listing(where)) as (names, rows),
    ):
        writer = csv.writer(file)
        writer.writerow(names)
        for count, (_, *values) in enumerate(rows, 1):  # noqa: B007 - counted
            writer.writerow([_cell(value) for value in values])
    return count


def write_json_lines(collection: CollectionStore, path: str, where: str | None) -> int:
    """Write a JSON object a line, an image each."""
    count = 0
    with (
        open(path, "w", encoding="utf-8") as file,
        collection.listed(Listing(where)) as (names, rows),
    ):
        for count, (_, *values) in enumerate(rows, 1):  # noqa: B007 - counted
            known = dict(zip(names, values, strict=True))
            file.write(json.dumps(known, default=_text, ensure_ascii=False) + "\n")
    return count


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value, default=_text, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return _text(value) if isinstance(value, date) else value


def _text(value: Any) -> str:
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)
