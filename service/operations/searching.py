"""Searching by an image, by vectors or by what a prompt makes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.encoders.settings import check_placement
from vitrail.indexer.errors import ImageRejectedError, InputError
from vitrail.search.options import DEFAULTS, SearchOptions
from vitrail.search.query import Query, SearchResult
from vitrail.search.searcher import Searcher
from vitrail.search.vectors import background_rows, query_rows
from vitrail.service.operations.progress import Progress, QueryProgress, nobody
from vitrail.service.operations.queries import (
    OtherEncoderError,
    answer_image,
    answer_query,
    weighed,
)
from vitrail.service.operations.references import (
    ImageBytes,
    ImageFile,
    ImageReference,
    find_image,
    unusable_image,
)

if TYPE_CHECKING:
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.fingerprint import Fingerprint
    from vitrail.service.operations.collection import Collection

Floats = NDArray[np.float32]
DEFAULT_SEEDS = 4
DEFAULT_UNRELATED = 32


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """Which images are like this one? One of the collection is itself left out."""

    image: ImageReference


@dataclass(frozen=True, slots=True)
class VectorQuery:
    """Which images are near these vectors?

    Attributes:
        vectors: space name -> (m, dim) float32 rows of length 1; several are one question.
        exclude: ids never returned.
        background: as of ``Query``.
    """

    vectors: Mapping[str, Floats]
    exclude: frozenset[int] = frozenset()
    background: Mapping[str, Floats] | None = None


@dataclass(frozen=True, slots=True)
class PromptQuery:
    """Which images are like what a prompt makes?

    Attributes:
        prompt: what to draw.
        seeds: how many images of it, from consecutive seeds.
        model: Stable Diffusion checkpoint.
        unrelated: prompts whose images the hits are compared with, at most; 0 for none.
        device: of the generator.
        precision: of the generator.

    Raises:
        InputError: a device or precision that no machine has.
    """

    prompt: str
    seeds: int = DEFAULT_SEEDS
    model: str = "embedded"
    unrelated: int = DEFAULT_UNRELATED
    device: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        check_placement(self.device, self.precision)


AnyQuery: TypeAlias = ImageQuery | VectorQuery | PromptQuery


@dataclass(frozen=True, slots=True)
class QueryImage:
    """An image that is asked with.

    Attributes:
        data: its encoded bytes.
        caption: what it is.
        path: absolute, of its file; ``None`` where only bytes were given.
    """

    data: bytes = field(repr=False)
    caption: str = ""
    path: str | None = None


@dataclass(frozen=True, slots=True)
class EmbeddedQuery:
    """A query, ready to be put.

    Attributes:
        title: what was asked, for people.
        vectors: space name -> (m, dim) float32.
        images: what is asked with, to be shown.
        exclude: ids never returned.
        background: as of ``Query``.
        unrelated: how many unrelated prompts the background could hold, where it was asked for.
        encoder: of the vectors, where it is known.
        stored: the image of the collection that is asked with, whose vectors are those of the
            commit that answers.
    """

    title: str
    vectors: Mapping[str, Floats]
    images: tuple[QueryImage, ...] = ()
    exclude: frozenset[int] = frozenset()
    background: Mapping[str, Floats] | None = None
    unrelated: int = 0
    encoder: Fingerprint | None = None
    stored: int | None = None

    @property
    def compared(self) -> int:
        """How many unrelated prompts the background holds."""
        return len(next(iter((self.background or {}).values()), ()))


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """What came of a search.

    Attributes:
        query: what was asked.
        result: the hits, and how far to trust them.
        notes: lines on index files that could not be used and were replaced in memory.
    """

    query: EmbeddedQuery
    result: SearchResult
    notes: tuple[str, ...] = ()


def search(
    collection: Collection,
    query: AnyQuery,
    options: SearchOptions = DEFAULTS,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> SearchAnswer:
    """Rank a collection's images by a query.

    Args:
        collection: open; threads may share it.
        query: what is asked.
        options: how to search.
        progress: told while images are embedded and generated.
        cancellation: looked at between denoising steps.

    Raises:
        UnknownImageError: no image of the collection has the id, path or hash that was named.
        InputError: the image cannot be used, or the prompt, an option or a vector is unusable.
        FilterError: so is the filter.
        CheckpointError: the encoder or the generator's model cannot be had.
        GenerationError: an image of the prompt could not be made.
        CancelledError: somebody asked to stop; images that were made are kept.
    """
    while True:
        embedded = embed_query(collection, query, progress=progress, cancellation=cancellation)
        progress(QueryProgress("searching"))
        with suppress(OtherEncoderError):  # all was embedded anew meanwhile
            result = answer(collection, embedded, options)
            return SearchAnswer(embedded, result, tuple(collection.store.notes))


def answer(
    collection: Collection, query: EmbeddedQuery, options: SearchOptions = DEFAULTS
) -> SearchResult:
    """Put a query that is embedded already.

    Raises:
        OtherEncoderError: the collection's encoder is another one by now.
        FilterError: the filter is unusable.
        InputError: so is an option.
    """
    if query.stored is not None:
        return answer_image(collection.store, collection.calibrations, query.stored, options)
    ready = Query.of(
        query.vectors,
        collection.store.spaces,
        weighed(collection.store, options),
        exclude=query.exclude,
        background=query.background,
    )
    return answer_query(
        collection.store, collection.calibrations, ready, Searcher.search, query.encoder
    )


def embed_query(
    collection: Collection,
    query: AnyQuery,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> EmbeddedQuery:
    """Make a query ready: embed its image, or generate and embed those of its prompt.

    Arguments and errors are those of ``search``.
    """
    if isinstance(query, VectorQuery):
        rows = query_rows(query.vectors, collection.store.spaces)
        background = background_rows(query.background, collection.store.spaces)
        return EmbeddedQuery("vectors", rows, (), query.exclude, background)
    if isinstance(query, PromptQuery):
        from vitrail.service.operations.prompting import embed_prompt

        return embed_prompt(collection, query, progress=progress, cancellation=cancellation)
    progress(QueryProgress("embedding"))
    image = query.image
    if isinstance(image, ImageBytes):
        if not image.data:
            raise InputError(f"{image} was empty; give the bytes of an image file")
        return _embed(collection, image.name, QueryImage(image.data, image.name), image.name)
    if isinstance(image, ImageFile):
        return _embed(collection, str(image), _read(image), repr(str(image)))
    return _look_up(collection, find_image(collection.store, image))


def _read(image: ImageFile) -> QueryImage:
    from vitrail.indexer.images.files import read_file

    try:
        data = read_file(image.path).data
    except ImageRejectedError as error:
        raise unusable_image(repr(str(image)), error) from error
    return QueryImage(data, os.path.basename(image.path), os.path.abspath(image.path))


def _embed(collection: Collection, title: str, image: QueryImage, name: str) -> EmbeddedQuery:
    from vitrail.search.images import embed_images

    encoder = collection.encoder
    try:
        vectors = embed_images(encoder, [image.data])
    except ImageRejectedError as error:
        raise unusable_image(name, error) from error
    return EmbeddedQuery(title, vectors, (image,), encoder=encoder.fingerprint)


def _look_up(collection: Collection, image_id: int) -> EmbeddedQuery:
    (row,) = collection.store.metadata([image_id])
    caption = f"image {image_id}"
    title = f"{caption}, {row.name}" if row.name else caption
    images = _first_readable(row.paths, caption)
    return EmbeddedQuery(title, {}, images, frozenset({image_id}), stored=image_id)


def _first_readable(paths: Sequence[str], caption: str) -> tuple[QueryImage, ...]:
    from vitrail.indexer.images.files import read_file

    for path in paths:
        with suppress(ImageRejectedError):
            return (QueryImage(read_file(path).data, caption, path),)
    return ()
