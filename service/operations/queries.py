"""A query put to one commit of a collection, by vectors of the encoder of that commit."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from vitrail.indexer.collection.retrying import at_newest
from vitrail.indexer.errors import InputError, UnknownImageError
from vitrail.search.derived import resolved
from vitrail.search.query import Query, SearchResult
from vitrail.search.searcher import Searcher

if TYPE_CHECKING:
    from vitrail.indexer.collection.snapshot import Snapshot
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.indexer.fingerprint import Fingerprint
    from vitrail.search.calibration.current import CurrentCalibrations
    from vitrail.search.images import ImageLike
    from vitrail.search.options import SearchOptions

_T = TypeVar("_T")
Answer = Callable[[Searcher, Query], _T]
"""Which question is put: ``Searcher.search`` or ``Searcher.search_each``."""


class OtherEncoderError(Exception):
    """The commit that would answer is not of the encoder that the query was embedded by."""


def answer_query(
    store: CollectionStore,
    calibrations: CurrentCalibrations,
    query: Query,
    answer: Answer[_T],
    embedded_by: Fingerprint | None = None,
) -> _T:
    """Of one snapshot: filter, vectors and metadata of an answer are of the same commit.

    Args:
        store: the collection.
        calibrations: of it.
        query: what is asked.
        answer: how.
        embedded_by: the encoder of the query's vectors; ``None`` where nobody knows.

    Raises:
        OtherEncoderError: all was embedded anew, by another encoder than that.
    """

    def ask() -> _T:
        snapshot = store.snapshot()
        _check_encoder(snapshot, embedded_by)  # another's spaces may not even be there
        snapshot = store.snapshot(*resolved(query, snapshot).weights)
        _check_encoder(snapshot, embedded_by)  # it may have moved on
        return answer(_searcher(snapshot, calibrations), resolved(query, snapshot))

    return at_newest(store, ask)


def answer_images(
    store: CollectionStore,
    calibrations: CurrentCalibrations,
    encoder: Callable[[], Encoder],
    images: Sequence[ImageLike],
    options: SearchOptions,
    answer: Answer[_T],
) -> _T:
    """As ``answer_query``, by vectors of the encoder of that commit.

    All may be embedded anew beneath a long-lived reader; vectors of the encoder of before are as
    wide, and would be answered with nonsense.

    Args:
        store: the collection.
        calibrations: of it.
        encoder: gives the one of the store's commit.
        images: one query row each.
        options: how to search.
        answer: how to answer.
    """
    from vitrail.search.images import embed_images

    while True:
        loaded = encoder()
        vectors = embed_images(loaded, images)
        query = Query.of(vectors, dict(loaded.fingerprint.spaces) | store.spaces, options)
        with suppress(OtherEncoderError):
            return answer_query(store, calibrations, query, answer, loaded.fingerprint)


def answer_image(
    store: CollectionStore,
    calibrations: CurrentCalibrations,
    image_id: int,
    options: SearchOptions,
) -> SearchResult:
    """The images nearest to one of the collection, which is itself left out.

    Raises:
        UnknownImageError: no such id.
        InputError: it is no whole number.
    """
    number = _checked_id(image_id)

    def ask() -> SearchResult:
        chosen = weighed(store, options)
        names = [*(chosen.spaces or ())]
        snapshot = store.snapshot(*names)
        vectors = {name: snapshot.vectors([number], name) for name in names}
        query = Query.of(vectors, snapshot.spaces, chosen, exclude=frozenset({number}))
        return _searcher(snapshot, calibrations).search(query)

    return at_newest(store, ask)


def weighed(store: CollectionStore, options: SearchOptions) -> SearchOptions:
    """Options that name spaces: those asked for, or else the collection's default."""
    return replace(options, spaces=options.spaces or store.default_weights)


def _searcher(snapshot: Snapshot, calibrations: CurrentCalibrations) -> Searcher:
    return Searcher(snapshot, partial(calibrations.of, snapshot))


def _check_encoder(snapshot: Snapshot, embedded_by: Fingerprint | None) -> None:
    if embedded_by is not None and not snapshot.fingerprint.agrees(embedded_by):
        raise OtherEncoderError


def _checked_id(image_id: int) -> int:
    try:
        number = operator.index(image_id)
    except TypeError as error:
        raise InputError(f"the id {image_id!r} is no whole number; give an image's id") from error
    if not 0 <= number < 2**63:
        raise UnknownImageError(f"there is no image with id {number} in this collection")
    return number
