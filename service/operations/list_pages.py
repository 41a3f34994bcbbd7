"""A list of images page by page: a cursor remembers the last one, not how many came before it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from vitrail.indexer.errors import InputError
from vitrail.search.filters import combine_filters
from vitrail.search.listing import ListOptions, list_images
from vitrail.service.operations.listing import Nothing, explain_nothing

if TYPE_CHECKING:
    from vitrail.indexer.collection.answering import Answering
    from vitrail.indexer.image_info import ImageInfo


@dataclass(frozen=True, slots=True)
class ListPage:
    """Some images of a list.

    Attributes:
        images: all that is known of each, in the list's order.
        next: the cursor of the page that follows; ``None`` where nothing does.
        total: how many images the whole list has.
        nothing: why there are none; ``None`` where there are some.
    """

    images: tuple[ImageInfo, ...]
    next: str | None
    total: int
    nothing: Nothing | None = None


def list_page(commit: Answering, options: ListOptions, k: int, after: str | None) -> ListPage:
    """One page of the images of a commit.

    Args:
        commit: a snapshot.
        options: what is listed; its limit and columns do not count.
        k: how many images.
        after: the cursor of the page before; ``None`` for the first.

    Raises:
        FilterError: the filter cannot be used.
        InputError: there is no such column, or the cursor is of another list.
    """
    digest = _digest(options)
    place = None if after is None else _read(after, digest)
    keys = [key.removeprefix("-") for key in options.sort]
    asked = replace(options, columns=("id", *keys), limit=k + 1)
    rows = list(list_images(commit, asked, after=place))
    where = combine_filters(options.where, options.only)
    found = commit.metadata([row.id for row in rows[:k]], where)
    following = None
    if len(rows) > k:
        last = rows[k - 1]
        by_lower = {name.lower(): value for name, value in last.values.items()}
        following = _write(digest, [by_lower[key.lower()] for key in keys], last.id)
    total = len(commit) if where is None else len(commit.allowed_ids(where))
    nothing = None if rows or place is not None else explain_nothing(commit, options)
    return ListPage(tuple(found), following, total, nothing)


def _digest(options: ListOptions) -> str:
    told = repr((options.where, options.only, tuple(options.sort)))
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _write(digest: str, values: Sequence[Any], image_id: int) -> str:
    held = json.dumps([digest, [_held(value) for value in values], image_id], allow_nan=False)
    return base64.urlsafe_b64encode(held.encode()).decode().rstrip("=")


def _read(text: str, digest: str) -> tuple[Any, ...]:
    """The values and the id that a cursor holds."""
    try:
        padded = text + "=" * (-len(text) % 4)
        held = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        own, values, image_id = held
        place = (*(_value(*value) for value in values), int(image_id))
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError):
        raise InputError(
            f"{text[:60]!r} is no cursor that a list gave; take the whole of it, or begin without "
            "one"
        ) from None
    if own != digest:  # it is not told back: doors may have sealed it
        raise InputError(
            "the cursor is of another list: filter and order have to be those of the page before; "
            "only the number of images may differ"
        )
    return place


def _held(value: Any) -> tuple[str, Any]:
    """A value as JSON can hold it, with its kind."""
    if isinstance(value, datetime):
        return "time", value.isoformat()
    if isinstance(value, date):
        return "date", value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return "float", repr(value)
    if value is None or isinstance(value, str | bool | int | float):
        return "plain", value
    raise InputError("a list that is sorted by a column of lists has no pages; sort by another")


def _value(kind: str, held: Any) -> Any:
    if kind == "time":
        return datetime.fromisoformat(held)
    if kind == "date":
        return date.fromisoformat(held)
    if kind == "float":
        return float(held)
    if kind == "plain" and (held is None or isinstance(held, str | bool | int | float)):
        return held
    raise ValueError(kind)
