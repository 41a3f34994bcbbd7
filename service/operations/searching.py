"""Searching by an image, by a text, by vectors or by what a prompt makes."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import ImageRejectedError, InputError
from vitrail.search.options import DEFAULTS, SearchOptions
from vitrail.search.query import SearchResult
from vitrail.search.searcher import Searcher
from vitrail.search.vectors import background_rows, query_rows
from vitrail.service.operations.progress import Progress, QueryProgress, nobody
from vitrail.service.operations.queries import (
    Examples,
    OtherEncoderError,
    Question,
    answer_question,
    checked_id,
)
from vitrail.service.operations.query_kinds import (
    AnyQuery,
    ImageQuery,
    MixedQuery,
    PromptQuery,
    TextQuery,
    VectorQuery,
)
from vitrail.service.operations.references import (
    ImageBytes,
    ImageFile,
    ImageId,
    find_image,
    unusable_image,
)

if TYPE_CHECKING:
    from PIL import Image

    from vitrail.generator.monitoring import Preview
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.search.boxes import Box
    from vitrail.search.explanation import Explanation
    from vitrail.service.operations.searchable import Searchable

Floats = NDArray[np.float32]
_NAMED = 3  # of several images in a title


@dataclass(frozen=True, slots=True)
class QueryImage:
    """An image that is asked with.

    Attributes:
        data: its encoded bytes.
        caption: what it is.
        path: absolute, of its file; ``None`` where only bytes were given.
        negative: whether hits shall not be like it.
        made: whether a prompt made it.
    """

    data: bytes = field(repr=False)
    caption: str = ""
    path: str | None = None
    negative: bool = False
    made: bool = False


@dataclass(frozen=True, slots=True)
class EmbeddedQuery:
    """A query, ready to be put.

    Attributes:
        title: what was asked, for people.
        question: what it is for the collection.
        images: what is asked with, to be shown.
        unrelated: how many unrelated prompts the background could hold, where it was asked for.
        seeds: whether all rows are of one prompt, so that their agreement tells how far to trust
            it.
    """

    title: str
    question: Question
    images: tuple[QueryImage, ...] = ()
    unrelated: int = 0
    seeds: bool = False

    @property
    def compared(self) -> int:
        """How many unrelated prompts the background holds."""
        return len(next(iter((self.question.background or {}).values()), ()))


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """What came of a search.

    Attributes:
        query: what was asked.
        result: the hits, and how far to trust them.
        notes: lines on index files that could not be used and were replaced in memory.
        explanations: of the first hits, where they were asked for; see
            ``vitrail.service.operations.explaining``.
    """

    query: EmbeddedQuery
    result: SearchResult
    notes: tuple[str, ...] = ()
    explanations: tuple[Explanation, ...] = ()


def search(
    collection: Searchable,
    query: AnyQuery,
    options: SearchOptions = DEFAULTS,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
    preview: Preview | None = None,
    shown: bool = True,
) -> SearchAnswer:
    """Rank a collection's images by a query.

    Args:
        collection: open; threads may share it.
        query: what is asked.
        options: how to search.
        progress: told while images are embedded and generated.
        cancellation: looked at between denoising steps.
        preview: asked after each of these whether it wants the half-made image of a prompt.
        shown: whether images of the collection that are asked with are to be shown, so that their
            files are read; without, their vectors alone are.

    Raises:
        UnknownImageError: no image of the collection has the id, path or hash that was named.
        InputError: the image cannot be used, or the prompt, an option or a vector is unusable.
        FilterError: so is the filter.
        CheckpointError: the encoder or the generator's model cannot be had.
        GenerationError: an image of the prompt could not be made.
        CancelledError: somebody asked to stop; images that were made are kept.
    """
    while True:
        with suppress(OtherEncoderError):  # all was embedded anew meanwhile
            embedded = embed_query(
                collection,
                query,
                progress=progress,
                cancellation=cancellation,
                preview=preview,
                shown=shown,
            )
            progress(QueryProgress("searching"))
            result = answer(collection, embedded, options)
            return SearchAnswer(embedded, result, tuple(collection.store.notes))


def answer(
    collection: Searchable, query: EmbeddedQuery, options: SearchOptions = DEFAULTS
) -> SearchResult:
    """Put a query that is embedded already.

    Raises:
        OtherEncoderError: the collection's encoder is another one by now.
        FilterError: the filter is unusable.
        InputError: so is an option, or the negatives cancel the query.
    """
    return answer_question(
        collection.store, collection.calibrations, query.question, options, Searcher.search
    )


def embed_query(
    collection: Searchable,
    query: AnyQuery,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
    preview: Preview | None = None,
    shown: bool = True,
) -> EmbeddedQuery:
    """Make a query ready: embed its image, or generate and embed those of its prompt.

    Arguments are those of ``search``, and its errors.

    Raises:
        OtherEncoderError: while the images were embedded, the collection was, too, by another.
    """
    if isinstance(query, MixedQuery):
        return _embed_all(
            collection,
            query,
            progress=progress,
            cancellation=cancellation,
            preview=preview,
            shown=shown,
        )
    if isinstance(query, VectorQuery):
        rows = query_rows(query.vectors, collection.store.spaces)
        background = background_rows(query.background, collection.store.spaces)
        question = Question(Examples((rows,)), exclude=query.exclude, background=background)
        return EmbeddedQuery("vectors", question)
    if isinstance(query, PromptQuery):
        from vitrail.service.operations.prompting import embed_prompt

        return embed_prompt(
            collection, query, progress=progress, cancellation=cancellation, preview=preview
        )
    if isinstance(query, TextQuery):
        from vitrail.service.operations.texts import embed_text

        return embed_text(collection, query, progress=progress)
    progress(QueryProgress("embedding"))
    image = query.image
    if isinstance(image, ImageBytes):
        if not image.data:
            raise InputError(f"{image} was empty; give the bytes of an image file")
        given = QueryImage(image.data, image.name)
        return _embed(collection, image.name, given, image.name, query)
    if isinstance(image, ImageFile):
        return _embed(collection, str(image), _read(image), repr(str(image)), query)
    if isinstance(image, ImageId) and not shown and query.box is None and query.region is None:
        return _by_id(collection, checked_id(image.id))
    return _look_up(collection, find_image(collection.store, image), query, shown=shown)


def _embed_all(
    collection: Searchable,
    query: MixedQuery,
    *,
    progress: Progress,
    cancellation: Cancellation | None,
    preview: Preview | None,
    shown: bool,
) -> EmbeddedQuery:
    asked, unlike = (
        [
            embed_query(
                collection,
                one,
                progress=progress,
                cancellation=cancellation,
                preview=preview,
                shown=shown,
            )
            for one in side
        ]
        for side in (query.positives, query.negatives)
    )
    for side in (asked, unlike):
        _refuse_twice(side)
    encoders = [e for one in (*asked, *unlike) if (e := one.question.encoder) is not None]
    if any(not one.agrees(encoders[0]) for one in encoders):
        raise OtherEncoderError
    title = _enumerated([one.title for one in asked])
    if unlike:
        title += f", not {_enumerated([one.title for one in unlike], 'or')}"
    return EmbeddedQuery(
        title,
        Question(
            _together(asked),
            _together(unlike),
            exclude=frozenset().union(*(one.question.exclude for one in (*asked, *unlike))),
            encoder=encoders[0] if encoders else None,
            texts=any(one.question.texts for one in (*asked, *unlike)),
        ),
        tuple(image for one in asked for image in one.images)
        + tuple(replace(image, negative=True) for one in unlike for image in one.images),
    )


def _refuse_twice(queries: Sequence[EmbeddedQuery]) -> None:
    """An image that is named twice would count twice, which nobody says in that way."""
    known = [one for one in queries if one.images or one.question.positives.stored]
    for place, one in enumerate(known):
        if any((one.title, one.images) == (other.title, other.images) for other in known[:place]):
            raise InputError(f"{one.title} is given twice; each image counts once: leave one out")


def _together(queries: Sequence[EmbeddedQuery]) -> Examples:
    return Examples(tuple(part for one in queries for part in one.question.positives.parts))


def _enumerated(names: Sequence[str], word: str = "and") -> str:
    shown = [*names[:_NAMED]]
    if len(names) > len(shown):
        shown.append(f"{len(names) - len(shown)} more")
    return f" {word} ".join([", ".join(shown[:-1]), shown[-1]] if shown[1:] else shown)


def _read(image: ImageFile) -> QueryImage:
    from vitrail.indexer.images.files import read_file

    try:
        data = read_file(image.path).data
    except ImageRejectedError as error:
        raise unusable_image(repr(str(image)), error) from error
    return QueryImage(data, os.path.basename(image.path), os.path.abspath(image.path))


def _embed(
    collection: Searchable, title: str, image: QueryImage, name: str, query: ImageQuery
) -> EmbeddedQuery:
    encoder = collection.encoder
    try:
        part, vectors = _part(encoder, image.data, query)
    except ImageRejectedError as error:
        raise unusable_image(name, error) from error
    question = Question(Examples((vectors,)), encoder=encoder.fingerprint)
    if part is None:
        return EmbeddedQuery(title, question, (image,))
    return EmbeddedQuery(f"{title}, {_part_name(query)}", question, (_shown(image, part),))


def _part(
    encoder: Encoder, data: bytes, query: ImageQuery
) -> tuple[Image.Image | None, dict[str, Floats]]:
    """The part of an image that is asked with, ``None`` for all of it, and its vectors."""
    from vitrail.search.images import cut, embed_images

    wanted = query.region if query.box is None else query.box
    part = None if wanted is None else cut(data, wanted)
    vectors = None
    if part is not None and query.region is not None:
        from vitrail.service.operations.regions import embed_region

        vectors = embed_region(encoder, data, query.region)
    return part, vectors or embed_images(encoder, [data if part is None else part])


def _part_name(query: ImageQuery) -> str:
    return f"region {query.region}" if query.box is None else f"box {query.box}"


def _shown(image: QueryImage, part: Image.Image) -> QueryImage:
    """The part of an image as one to be shown; its file is the whole one's."""
    buffer = io.BytesIO()
    part.save(buffer, "PNG", compress_level=1)
    return replace(image, data=buffer.getvalue(), caption=f"part of {image.caption}")


def _look_up_part(
    collection: Searchable, whole: EmbeddedQuery, query: ImageQuery, wanted: Box
) -> EmbeddedQuery:
    from vitrail.service.operations.cropping import is_whole, read_stored

    (image_id,) = whole.question.positives.stored
    if is_whole(collection.store, image_id, wanted):
        return whole
    encoder = collection.encoder
    part, vectors = _part(encoder, read_stored(collection.store, image_id), query)
    return EmbeddedQuery(
        f"{whole.title}, {_part_name(query)}",
        Question(Examples((vectors,)), exclude=frozenset({image_id}), encoder=encoder.fingerprint),
        whole.images if part is None else tuple(_shown(image, part) for image in whole.images),
    )


def _by_id(collection: Searchable, image_id: int) -> EmbeddedQuery:
    """Without a look into the catalog: who answers knows whether the image is there."""
    (row,) = collection.store.metadata([image_id])
    return EmbeddedQuery(_title(row), Question(Examples((image_id,))))


def _title(row: ImageInfo) -> str:
    return f"image {row.id}, {row.name}" if row.name else f"image {row.id}"


def _look_up(
    collection: Searchable, image_id: int, query: ImageQuery, *, shown: bool
) -> EmbeddedQuery:
    (row,) = collection.store.metadata([image_id])
    caption = f"image {image_id}"
    images = first_readable(row.paths, caption) if shown else ()
    whole = EmbeddedQuery(_title(row), Question(Examples((image_id,))), images)
    wanted = query.region if query.box is None else query.box
    return whole if wanted is None else _look_up_part(collection, whole, query, wanted)


def first_readable(paths: Sequence[str], caption: str) -> tuple[QueryImage, ...]:
    """The first of an image's files that can be read now; none where they are all away."""
    from vitrail.indexer.images.files import read_file

    for path in paths:
        with suppress(ImageRejectedError):
            return (QueryImage(read_file(path).data, caption, path),)
    return ()
