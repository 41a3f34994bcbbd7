"""What a collection answers by images and texts, which it embeds first."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.search.boxes import Box, BoxLike
from vitrail.search.options import (
    DEFAULTS,
    EachKeywords,
    SearchKeywords,
    SearchOptions,
    takes_options,
)
from vitrail.search.query import SearchResult
from vitrail.search.searcher import Searcher
from vitrail.service.operations.cropping import cut_query
from vitrail.service.operations.findable import Findable
from vitrail.service.operations.queries import answer_images

if TYPE_CHECKING:  # these bring Pillow and the runtimes, which a look at metadata does not need
    from vitrail.search.explanation import Explanation
    from vitrail.search.images import ImageLike
    from vitrail.service.operations.batches import BatchAnswer


class Searchable(Findable):
    """What is asked of a collection, which answers by the commit that it is at.

    Threads may share it. Reading is all that it does; ``Collection`` also writes.
    """

    @takes_options(SearchKeywords)
    def search(
        self,
        *images: ImageLike | int,
        negative: Sequence[ImageLike | int] = (),
        box: BoxLike | None = None,
        region: BoxLike | None = None,
        options: SearchOptions | None = None,
        **keywords: Unpack[SearchKeywords],
    ) -> SearchResult:
        """Find the images nearest to one or several query images.

        Args:
            images: paths, encoded bytes, Pillow images or (H, W, 3) uint8 arrays, and ids of
                images of the collection, which are themselves left out; several are one question,
                and fused. For a question each there is ``search_many``.
            negative: likewise, what the hits shall not be like.
            box: the part of the one image that is meant: x, y, width and height in pixels of the
                upright image, or a text such as ``"10%,10%,50%,50%"``. It is seen alone, as if it
                were cut out.
            region: likewise, but seen as a part of the whole image: the patches that lie in it are
                pooled, for spaces that are pooled of patches.
            options: how to search; see ``vitrail.SearchOptions``.
            keywords: options in the place of those of ``options``.

        Raises:
            ImageRejectedError: an image cannot be opened.
            InputError: what is given is no image, or an option, the filter or a space cannot be
                understood, or the negatives cancel the query, or the box reaches beyond the image.
        """
        if box is not None and region is not None:
            raise InputError("a box is cut out, and a region is not; leave one of them out")
        chosen = replace(options or DEFAULTS, **keywords)
        if not images:
            raise InputError("no image was given to search by; give at least one")
        if region is not None:
            from vitrail.service.operations.regions import search_region

            return search_region(self, images, Box.of(region), chosen, _several(negative))
        asked, own = cut_query(self.store, images, None if box is None else Box.of(box))
        return answer_images(
            self.store,
            self.calibrations,
            self._encoder.get,
            asked,
            chosen,
            Searcher.search,
            unlike=_several(negative),
            exclude=own,
        )

    @takes_options(SearchKeywords)
    def search_text(
        self,
        text: str,
        *,
        negative: Sequence[str] = (),
        options: SearchOptions | None = None,
        **keywords: Unpack[SearchKeywords],
    ) -> SearchResult:
        """Find the images that are as a text says, such as ``"a dog on a beach"``.

        That takes a checkpoint that reads texts (CLIP, SigLIP), and its space ``proj`` in the
        collection. Cosines between texts and images are low: what ranks first counts, not how high.

        Args:
            text: a few words; what is too long for the checkpoint is cut, which the logger tells.
            negative: texts that the hits shall not be as.
            options: how to search; see ``vitrail.SearchOptions``.
            keywords: options in the place of those of ``options``.

        Raises:
            InputError: the text is empty, or the collection cannot be asked by texts; or as
                ``search``.
            CheckpointError: the checkpoint cannot be had, or lacks its tokenizer.
        """
        from vitrail.service.operations.query_kinds import MixedQuery, TextQuery
        from vitrail.service.operations.searching import search
        from vitrail.service.operations.texts import warn

        chosen = replace(options or DEFAULTS, **keywords)
        if isinstance(negative, str):
            raise InputError(f"negative is {negative[:60]!r}, which is one text; give a list")
        against = tuple(map(TextQuery, negative))
        query = MixedQuery((TextQuery(text),), against) if against else TextQuery(text)
        return search(self, query, chosen, progress=warn).result

    def explain(
        self, result: SearchResult, *images: ImageLike | int, first: int = 8
    ) -> tuple[Explanation, ...]:
        """Say why the first hits of an answer were found: shares of their scores, what matches.

        Args:
            result: what ``search`` or ``similar`` answered.
            images: what it was asked with, images or ids; none for the shares alone.
            first: how many hits, at most.

        Returns:
            An explanation each, best first, with ``shares`` by space, and ``query_map`` and
            ``hit_map``, (H, W) float32 in [0, 1] in the shape of either image.

        Raises:
            ImageRejectedError: an image cannot be opened.
            InputError: what is given is no image, or no such id.
        """
        from vitrail.service.operations.explaining import explain_images

        return explain_images(self, images, result, first)

    @takes_options(EachKeywords)
    def search_many(
        self,
        images: Sequence[ImageLike | int],
        *,
        options: SearchOptions | None = None,
        **keywords: Unpack[EachKeywords],
    ) -> list[SearchResult]:
        """Find the images nearest to each of many query images: an answer each, in their order.

        An image of the collection, named by its id, is left out of its own answer. The other
        arguments and errors are those of ``search``; for more images than memory holds there is
        ``search_batch``.
        """
        chosen = replace(options or DEFAULTS, **keywords)
        if isinstance(images, str | bytes | os.PathLike):
            raise InputError(f"{repr(images)[:60]} is one image; give a list, or ask by search")
        if not len(images):
            return []
        return answer_images(
            self.store,
            self.calibrations,
            self._encoder.get,
            images,
            chosen,
            Searcher.search_each,
            single=True,
        )

    @takes_options(EachKeywords)
    def search_batch(
        self,
        images: Iterable[ImageLike | int],
        *,
        options: SearchOptions | None = None,
        **keywords: Unpack[EachKeywords],
    ) -> Iterator[BatchAnswer]:
        """As ``search_many``, for any number of images: answers are given as they are found.

        Images are taken as answers are, and some hundreds held in memory. One that cannot be asked
        with has an answer with its ``error``, and ends nothing.

        Args:
            images: as of ``search``.
            options: how to search; see ``vitrail.SearchOptions``.
            keywords: options in the place of those of ``options``.

        Raises:
            InputError: an option, the filter or a space cannot be understood.
        """
        from vitrail.service.operations.batches import answer_batch, queries_of

        return answer_batch(self, queries_of(images), replace(options or DEFAULTS, **keywords))

    def embed(self, *images: ImageLike) -> dict[str, NDArray[np.float32]]:
        """Embed m images: space name -> (m, dim) float32, normalised rows.

        Raises:
            ImageRejectedError: an image cannot be opened.
            InputError: what is given is no image.
        """
        if not images:
            raise InputError("no image was given to embed; give at least one")
        from vitrail.search.images import embed_images

        return embed_images(self.encoder, images)


def _several(negative: Sequence[ImageLike | int]) -> Sequence[ImageLike | int]:
    if isinstance(negative, str | bytes | os.PathLike | int):
        raise InputError(f"negative is {repr(negative)[:60]}, which is one image; give a list")
    return negative
