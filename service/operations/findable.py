"""What a collection answers by what is embedded already: vectors, its own images, lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.encoders.settings import EncoderSettings
from vitrail.indexer.errors import InputError
from vitrail.search.calibration.current import CurrentCalibrations
from vitrail.search.listing import ListedImage, ListKeywords, ListOptions, list_images
from vitrail.search.options import (
    DEFAULTS,
    EachKeywords,
    SearchKeywords,
    SearchOptions,
    takes_options,
)
from vitrail.search.query import SearchResult
from vitrail.search.searcher import Searcher
from vitrail.search.vectors import background_rows, query_rows
from vitrail.service.operations.own_encoder import AS_IT_COMES, OwnEncoder
from vitrail.service.operations.queries import Examples, Question, answer_question, checked_id

if TYPE_CHECKING:  # these bring the runtimes, which a look at metadata does not need
    from vitrail.indexer.encoders.base import Encoder, TextEncoder
    from vitrail.indexer.fingerprint import Fingerprint

Vectors: TypeAlias = "Mapping[str, ArrayLike] | ArrayLike"
"""Space name -> (dim,) or (m, dim) floats of length 1; or just the array, for one space."""


class Findable:
    """A collection whose images can be found by vectors, and which knows what makes them.

    Args:
        store: the collection, open.
        settings: of its encoder, which is loaded when first needed.
        encoder: one that is ready, in the place of these.
    """

    def __init__(
        self,
        store: CollectionStore,
        *,
        settings: EncoderSettings = AS_IT_COMES,
        encoder: Encoder | None = None,
    ) -> None:
        self.store = store
        self.calibrations = CurrentCalibrations(store.directory)
        self._encoder = OwnEncoder(store, settings, encoder)

    @property
    def fingerprint(self) -> Fingerprint:
        """What the collection's vectors were made by."""
        return self.store.fingerprint

    @property
    def encoder_settings(self) -> EncoderSettings:
        """What loads the collection's encoder, here or in another process."""
        return self._encoder.settings

    @property
    def encoder_batches(self) -> Mapping[int, int]:
        """How many batches the encoder has run, by their images, since it was loaded."""
        return dict(self._encoder.batches)

    @property
    def encoder(self) -> Encoder:
        """The collection's encoder, loaded once for each fingerprint and held to it.

        Raises:
            CheckpointError: the checkpoint cannot be had any more.
            FingerprintMismatchError: the checkpoint has changed since the collection was made.
        """
        return self._encoder.get()

    def run_by(self, checkpoint: str) -> None:
        """Embed by another checkpoint that makes the same vectors, such as a certified export.

        Args:
            checkpoint: Hub name, directory or embedded model.

        Raises:
            CheckpointError: it cannot be had.
            FingerprintMismatchError: it makes other vectors than the collection's.
            InputError: it does not give the collection's spaces.
        """
        self._encoder.take(checkpoint)

    @property
    def classifier(self) -> Encoder:
        """The collection's encoder with its checkpoint's head, loaded when it is first asked.

        Raises:
            CheckpointError: the checkpoint cannot be had, or has no head.
        """
        return self._encoder.classifier()

    @property
    def text_encoder(self) -> TextEncoder:
        """The text tower of the collection's checkpoint, loaded once.

        Raises:
            CheckpointError: the checkpoint cannot be had any more, or reads no texts.
            FingerprintMismatchError: the checkpoint has changed since the collection was made.
        """
        return self._encoder.texts()

    @takes_options(SearchKeywords)
    def similar(
        self,
        *image_ids: int,
        negative: Sequence[int] = (),
        options: SearchOptions | None = None,
        **keywords: Unpack[SearchKeywords],
    ) -> SearchResult:
        """Find the images nearest to one or several of the collection, themselves left out.

        Args:
            image_ids: of the images; several are one question.
            negative: ids of images that the hits shall not be like.
            options: how to search; see ``vitrail.SearchOptions``.
            keywords: options in the place of those of ``options``.

        Raises:
            InputError: no such id, or as ``search``.
        """
        if not image_ids:
            raise InputError("no image was given to search by; give the id of at least one")
        question = Question(
            Examples(tuple(map(checked_id, image_ids))),
            Examples(tuple(map(checked_id, negative))),
        )
        chosen = replace(options or DEFAULTS, **keywords)
        return answer_question(self.store, self.calibrations, question, chosen, Searcher.search)

    @takes_options(SearchKeywords)
    def find(
        self,
        vectors: Vectors,
        *,
        negative: Vectors | None = None,
        exclude: Iterable[int] = (),
        background: Mapping[str, NDArray[np.float32]] | None = None,
        options: SearchOptions | None = None,
        **keywords: Unpack[SearchKeywords],
    ) -> SearchResult:
        """Find the images nearest to vectors: ``search`` for what is embedded already.

        Args:
            vectors: space name -> (dim,) or (1, dim) floats of length 1, as ``embed`` makes them;
                where one space is asked about, just the array will do. Rows of a derived space are
                worked out from those of its base. With ``fusion`` (m, dim):
                m rows that are one question.
            negative: likewise, what the hits shall not be like: (dim,) or (n, dim) floats.
            exclude: ids never returned.
            background: space name -> (b, dim) float32 unit rows of what unrelated questions made in
                the same way, with which the answer's evidence compares the hits.
            options: how to search; see ``vitrail.SearchOptions``.
            keywords: options in the place of those of ``options``.

        Raises:
            InputError: several rows without ``fusion``; or vectors of another shape, of NaN, or of
                a length other than 1; or an option, the filter or a space cannot be understood.
        """
        chosen = replace(options or DEFAULTS, **keywords)
        rows = query_rows(vectors, self.store.spaces, chosen.spaces)
        most = max((len(each) for each in rows.values()), default=0)
        if most > 1 and chosen.fusion is None:
            raise InputError(
                f"{most} rows were given for one question; use find_many for an answer to each, or "
                "fusion='mean', 'rrf' or 'best-score' to ask with all of them at once"
            )
        unlike = {} if negative is None else query_rows(negative, self.store.spaces, chosen.spaces)
        question = Question(
            Examples((rows,)),
            Examples((unlike,) if unlike else ()),
            frozenset(exclude),
            background_rows(background, self.store.spaces),
        )
        return answer_question(self.store, self.calibrations, question, chosen, Searcher.search)

    @takes_options(EachKeywords)
    def find_many(
        self,
        vectors: Vectors,
        *,
        exclude: Iterable[int] = (),
        options: SearchOptions | None = None,
        **keywords: Unpack[EachKeywords],
    ) -> list[SearchResult]:
        """Find the images nearest to each row of (m, dim) vectors: m answers, in the rows' order.

        The filter is evaluated once, and one space's index is read once for all rows. The other
        arguments and errors are those of ``find``.
        """
        chosen = replace(options or DEFAULTS, **keywords)
        rows = query_rows(vectors, self.store.spaces, chosen.spaces)
        if rows and not any(len(each) for each in rows.values()):
            return []
        question = Question(Examples((rows,)), exclude=frozenset(exclude))
        return answer_question(
            self.store, self.calibrations, question, chosen, Searcher.search_each
        )

    @takes_options(ListKeywords, ListOptions)
    def select(
        self, *, options: ListOptions | None = None, **keywords: Unpack[ListKeywords]
    ) -> Iterator[ListedImage]:
        """List images without a query, read as they are asked for: there may be millions.

        Args:
            options: what to list; see ``vitrail.search.listing.ListOptions``.
            keywords: options in the place of those of ``options``, such as
                ``where="label = 'fox'"`` and ``sort=["-taken_at"]``.

        Raises:
            InputError: the filter cannot be used, or there is no such column.
        """
        return list_images(self.store, replace(options or ListOptions(), **keywords))
