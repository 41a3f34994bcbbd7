"""What a request asks with, as the operations take it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import numpy as np

from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import counted
from vitrail.search.boxes import Box
from vitrail.search.options import SearchOptions
from vitrail.service.http.fields import check_order
from vitrail.service.http.options import Limits, ServiceOptions
from vitrail.service.http.schemas.queries import ImageRef, QueryPart
from vitrail.service.http.schemas.searches import SearchRequest
from vitrail.service.operations.query_kinds import (
    AnyQuery,
    ImageQuery,
    MixedQuery,
    PlainQuery,
    PromptQuery,
    TextQuery,
    VectorQuery,
)
from vitrail.service.operations.references import ImageBytes, ImageId
from vitrail.service.operations.uploads import Uploads, check_size


class OverLimitError(InputError):
    """More is asked for than the service gives at once."""

    code = "over-limit"


def image_of(given: ImageRef | QueryPart, uploads: Uploads, limits: Limits) -> ImageId | ImageBytes:
    """The image that a request names.

    Raises:
        UnknownUploadError: no upload has the token.
        UnusableImageError: the bytes are no image, or one of too many pixels.
        InputError: they are no base64.
    """
    if given.id is not None:
        return ImageId(given.id)
    if given.upload is not None:
        return uploads.get(given.upload)
    try:
        data = base64.b64decode(given.data or "", validate=True)
    except (binascii.Error, ValueError):
        raise InputError("data is no base64; encode an image file's bytes, or upload it") from None
    check_size(data, limits.pixels)
    return ImageBytes(data)


def query_of(asked: SearchRequest, uploads: Uploads, served: ServiceOptions) -> AnyQuery:
    """The question of a request; errors as of ``image_of``.

    Raises:
        InputError: a box or a vector cannot be understood, or no model is called so.
    """
    positives = _parts(asked.positive, uploads, served)
    negatives = _parts(asked.negative, uploads, served)
    if len(positives) == 1 and not negatives:
        return positives[0]
    return MixedQuery(positives, negatives)


def checkpoint_of(model: str, served: ServiceOptions) -> str:
    """The checkpoint that a name stands for: a request names neither files nor what to download.

    Raises:
        InputError: none is called so.
    """
    if model not in served.models:
        raise InputError(f"there is no model {model!r:.80} here; use {' or '.join(served.models)}")
    return served.models[model]


def check_models(parts: Sequence[QueryPart], served: ServiceOptions) -> None:
    """Refuse prompts that a model shall draw that is not here.

    Raises:
        InputError: naming it.
    """
    for part in parts:
        if part.prompt is not None:
            checkpoint_of(part.model, served)


def _parts(
    given: Sequence[QueryPart], uploads: Uploads, served: ServiceOptions
) -> tuple[PlainQuery, ...]:
    return tuple(_part(one, uploads, served) for one in given)


def _part(given: QueryPart, uploads: Uploads, served: ServiceOptions) -> PlainQuery:
    if given.text is not None:
        return TextQuery(given.text)
    if given.prompt is not None:
        return PromptQuery(
            given.prompt,
            given.seeds,
            checkpoint_of(given.model, served),
            given.unrelated,
            served.device,
        )
    if given.vector is not None:
        return VectorQuery(
            {space: np.asarray([row], np.float32) for space, row in given.vector.items()}
        )
    box = None if given.box is None else Box.of(given.box)
    region = None if given.region is None else Box.of(given.region)
    return ImageQuery(image_of(given, uploads, served.limits), box, region)


def options_of(asked: SearchRequest, served: ServiceOptions) -> SearchOptions:
    """How a request asks to search.

    Raises:
        OverLimitError: it asks for too many hits.
        WithheldError: it sorts them by where files lie, which is not told.
        FilterError: a filter is none.
        InputError: options that exclude one another.
    """
    check_count(asked.k, served.limits)
    check_order(asked.sort or (), served)
    return SearchOptions(
        k=asked.k,
        spaces=asked.spaces,
        min_score=asked.min_score,
        max_fpr=asked.max_fpr,
        where=asked.sql,
        only=asked.only,
        fusion=asked.fusion,
        exact=asked.exact,
        group_by=asked.group_by,
        diverse=asked.diverse,
        sort=asked.sort,
        after=asked.after,
    )


def check_count(k: int, limits: Limits) -> None:
    """Refuse more images than an answer holds.

    Raises:
        OverLimitError: there are more.
    """
    if k > limits.k:
        raise OverLimitError(
            f"k is {k:,}, and an answer holds {counted(limits.k, 'image')} at most",
            remedy="ask for less, and for the following page after `next`",
        )


def check_amount(searches: Sequence[SearchRequest], limits: Limits) -> None:
    """Refuse what would keep a thread, which nobody can cancel, for many minutes.

    Raises:
        OverLimitError: there are too many searches, or they ask for too much together.
    """
    if len(searches) > limits.batch:
        raise OverLimitError(
            f"{len(searches):,} searches were sent, and a batch holds {limits.batch:,} at most",
            remedy="send several batches",
        )
    parts = [part for one in searches for part in (*one.positive, *one.negative)]
    drawn = sum(part.seeds for part in parts if part.prompt is not None)
    # of a search that asks for too many alone its own answer says so
    _hold("hits", sum(min(one.k, limits.k) for one in searches), limits.batch_hits)
    _hold("hits to explain", sum(one.explain for one in searches), limits.explained)
    _hold("images of prompts to draw", drawn, limits.drawn)


def _hold(what: str, asked: int, most: int) -> None:
    if asked > most:
        raise OverLimitError(
            f"{asked:,} {what} are asked for at once, and a request may ask for {most:,}",
            remedy="ask for less at once",
        )
