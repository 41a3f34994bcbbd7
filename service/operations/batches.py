"""Many questions one after the other, in bounded memory: a bad one is told, and ends nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import CollectionError, InputError, VitrailError
from vitrail.indexer.indexing.ahead import map_ahead
from vitrail.search.options import DEFAULTS, SearchOptions
from vitrail.search.query import SearchResult
from vitrail.search.searcher import Searcher
from vitrail.service.operations.queries import (
    Examples,
    OtherEncoderError,
    Question,
    answer_question,
)
from vitrail.service.operations.references import (
    ContentHash,
    ImageBytes,
    ImageFile,
    ImageId,
    ImageReference,
    IndexedPath,
    find_image,
)

if TYPE_CHECKING:
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.indexer.fingerprint import Fingerprint
    from vitrail.search.images import ImageLike
    from vitrail.service.operations.searchable import Searchable

Vectors: TypeAlias = Mapping[str, NDArray[np.float32]]
Pixels: TypeAlias = NDArray[np.uint8]
CHUNK = 256  # questions that are put at once
_AHEAD = 64  # images decoded before they are wanted
_BATCH = 32  # images of one forward pass


@dataclass(frozen=True, slots=True)
class BatchQuery:
    """One of many questions.

    Attributes:
        name: what it is called, in answers.
        asked: an image, an image's id, or space name -> (1, dim) float32 unit rows.
        error: why it cannot be asked; empty where it can.
    """

    name: str
    asked: ImageReference | ImageLike | int | Vectors | None
    error: str = ""


def queries_of(images: Iterable[ImageLike | int]) -> Iterator[BatchQuery]:
    """A question of each image, called by its path or id, or else by its kind."""
    for image in images:
        if isinstance(image, str | os.PathLike):
            yield BatchQuery(os.fspath(image), image)
        else:
            known = isinstance(image, int | np.integer)
            yield BatchQuery(str(image) if known else type(image).__name__, image)


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What came of one of many questions.

    Attributes:
        name: of the question.
        result: its hits; ``None`` where it could not be asked.
        error: why; empty where it could.
    """

    name: str
    result: SearchResult | None
    error: str = ""


class _Part(NamedTuple):
    """A question on its way: its pixels, then its vectors, or the id of its image, or an error."""

    name: str
    pixels: Pixels | None = None
    known: Vectors | int | None = None
    error: str = ""


def answer_batch(
    collection: Searchable, queries: Iterable[BatchQuery], options: SearchOptions = DEFAULTS
) -> Iterator[BatchAnswer]:
    """Answer many questions, each as if it were asked alone, in their order.

    Images are decoded in threads ahead of the encoder, and some hundred questions are put to the
    index at once; so many are also held in memory, however many there are.

    Args:
        collection: open.
        queries: taken as answers are.
        options: how to search; neither ``fusion`` nor ``after``.

    Raises:
        FilterError: the filter is unusable.
        InputError: an option is.
        CollectionError: all was embedded anew by another encoder meanwhile.
    """
    reader = _Reader(collection)
    with closing(map_ahead(reader.read, reader.named(queries), workers=None, ahead=_AHEAD)) as read:
        parts = reader.embedded(read)
        while chunk := list(islice(parts, CHUNK)):
            yield from _answered(collection, chunk, options, reader.fingerprint)


class _Reader:
    """Makes vectors or ids of what is asked with.

    Args:
        collection: whose encoder embeds, loaded when the first image comes.
    """

    def __init__(self, collection: Searchable) -> None:
        self._collection = collection
        self._encoder: Encoder | None = None

    @property
    def fingerprint(self) -> Fingerprint | None:
        """Of the encoder, once there is one."""
        return None if self._encoder is None else self._encoder.fingerprint

    def named(self, queries: Iterable[BatchQuery]) -> Iterator[BatchQuery | _Part]:
        """The questions, those as parts that no thread has to read."""
        for query in queries:
            if query.error:
                yield _Part(query.name, error=query.error)
            elif isinstance(query.asked, Mapping):
                yield _Part(query.name, known=query.asked)
            elif (stored := _stored(self._collection, query)) is not None:
                yield stored
            else:
                if self._encoder is None:
                    self._encoder = self._collection.encoder
                yield query

    def read(self, query: BatchQuery | _Part) -> _Part:
        """Decode a question's image, in whichever thread."""
        if isinstance(query, _Part):
            return query
        from vitrail.search.images import read_pixels

        assert self._encoder is not None
        asked = query.asked
        given = asked.path if isinstance(asked, ImageFile) else asked
        given = given.data if isinstance(given, ImageBytes) else given
        try:
            pixels = read_pixels(given, self._encoder.preprocess)  # type: ignore[arg-type]
        except VitrailError as error:
            return _Part(query.name, error=str(error))
        return _Part(query.name, pixels)

    def embedded(self, parts: Iterable[_Part]) -> Iterator[_Part]:
        """The same with vectors in the place of pixels."""
        waiting: list[_Part] = []
        for part in parts:
            waiting.append(part)
            if len(waiting) == _BATCH:
                yield from self._embed(waiting)
                waiting.clear()
        yield from self._embed(waiting)

    def _embed(self, parts: Sequence[_Part]) -> Iterator[_Part]:
        from vitrail.indexer.encoders.batching import encode_resilient

        pixels = [part.pixels for part in parts if part.pixels is not None]
        if not pixels or self._encoder is None:
            yield from parts
            return
        vectors = encode_resilient(self._encoder, np.stack(pixels)).vectors
        rows = iter(range(len(pixels)))
        for part in parts:
            if part.pixels is None:
                yield part
            else:
                i = next(rows)
                yield _Part(part.name, known={s: own[i : i + 1] for s, own in vectors.items()})


def _stored(collection: Searchable, query: BatchQuery) -> _Part | None:
    """The part of a question by an image of the collection."""
    asked = query.asked
    if isinstance(asked, ImageId):
        asked = asked.id
    if isinstance(asked, int | np.integer):
        return _Part(query.name, known=int(asked))
    if not isinstance(asked, IndexedPath | ContentHash):
        return None
    try:
        return _Part(query.name, known=find_image(collection.store, asked))
    except InputError as error:
        return _Part(query.name, error=str(error))


def _answered(
    collection: Searchable,
    parts: Sequence[_Part],
    options: SearchOptions,
    encoder: Fingerprint | None,
) -> Iterator[BatchAnswer]:
    parts = _without_unknown(collection, parts)
    known = tuple(part.known for part in parts if part.known is not None)
    results: Iterator[SearchResult] = iter(())
    if known:
        question = Question(Examples(known), encoder=encoder, single=True)
        try:
            results = iter(
                answer_question(
                    collection.store,
                    collection.calibrations,
                    question,
                    options,
                    Searcher.search_each,
                )
            )
        except OtherEncoderError as error:
            raise CollectionError(
                "the collection was embedded anew by another encoder meanwhile", remedy="ask again"
            ) from error
    for part in parts:
        if part.known is None:
            yield BatchAnswer(part.name, None, part.error)
        else:
            yield BatchAnswer(part.name, next(results))


def _without_unknown(collection: Searchable, parts: Sequence[_Part]) -> list[_Part]:
    """Errors in the place of ids that no image has: one of them would refuse all questions."""
    ids = [part.known for part in parts if isinstance(part.known, int)]
    if not ids:
        return list(parts)
    space = next(iter(collection.store.spaces))
    possible = np.array([one for one in ids if 0 <= one < 2**63], np.int64)
    lacking = collection.store.snapshot(space).index(space).lacking(possible)
    there = {*possible.tolist()} - {*lacking.tolist()}
    return [
        _Part(part.name, error=f"there is no image with id {part.known} in this collection")
        if isinstance(part.known, int) and part.known not in there
        else part
        for part in parts
    ]
