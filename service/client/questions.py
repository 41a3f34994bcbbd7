"""What a service is asked with: images handed in, parts of a question, options."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeAlias

from vitrail.indexer.errors import InputError, UnusableImageError
from vitrail.indexer.paths import at_home
from vitrail.search.options import SearchOptions
from vitrail.service.client.readings import ALL
from vitrail.service.client.transport import Transport

ServedImage: TypeAlias = "int | str | os.PathLike[str] | bytes"
"""An image: the id of one of the collection, a file of this machine, or a file's bytes."""


def image_member(transport: Transport, image: ServedImage) -> dict[str, Any]:
    """An image as requests name it; files and bytes are handed in, and kept for an hour.

    Raises:
        InputError: what is given is none of these.
        UnusableImageError: the file cannot be read, or is no image.
    """
    if isinstance(image, bool) or not isinstance(image, int | str | os.PathLike | bytes):
        raise InputError(f"an image is an id, a path or a file's bytes, not {type(image).__name__}")
    if isinstance(image, int):
        return {"id": image}
    data = image if isinstance(image, bytes) else _read(image)
    if not data:
        raise UnusableImageError("the image is empty: it has no bytes")
    return {"upload": transport.upload("uploads", data)["upload"]}


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        return at_home(path).read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UnusableImageError(f"image {os.fspath(path)!r}: {why or error}") from error


def question_parts(
    transport: Transport,
    images: Sequence[ServedImage],
    texts: Sequence[str] = (),
    prompts: Sequence[str] = (),
    *,
    place: dict[str, str] | None = None,
    drawing: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """The parts of a question.

    Args:
        transport: to the service.
        images: of it.
        texts: of it.
        prompts: of it.
        place: the part of the one image that is meant, as ``box`` or ``region``.
        drawing: how prompts are drawn.

    Raises:
        InputError: an image is none, or a part of several is meant.
    """
    if place and len(images) != 1:
        raise InputError("a box or region is a part of one image; give just that one")
    return [
        *({**image_member(transport, one), **(place or {})} for one in images),
        *({"text": text} for text in texts),
        *({"prompt": prompt, **(drawing or {})} for prompt in prompts),
    ]


def option_members(options: SearchOptions) -> dict[str, Any]:
    """Options of a search as requests have them; what nobody said is left out."""
    given: dict[str, Any] = {
        "k": options.k,
        "spaces": None if options.spaces is None else dict(options.spaces),
        "min_score": options.min_score,
        "max_fpr": options.max_fpr,
        "where": options.where,
        "only": options.only,
        "fusion": options.fusion,
        "exact": options.exact,
        "group_by": options.group_by,
        "diverse": options.diverse,
        "sort": list(options.sort_keys) or None,
        "after": options.after,
        "fields": [*ALL],
    }
    return {name: value for name, value in given.items() if value is not None}
