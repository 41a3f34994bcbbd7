"""A query by the patches in a part of an image, as the encoder sees them in the whole of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import counted
from vitrail.search.images import read_view
from vitrail.search.regions import POOLED, pool, shares_inside
from vitrail.search.searcher import Searcher
from vitrail.service.operations.cropping import is_whole, read_stored
from vitrail.service.operations.explaining import patches_of
from vitrail.service.operations.queries import (
    Examples,
    OtherEncoderError,
    Question,
    answer_question,
    checked_id,
    examples_of,
)

if TYPE_CHECKING:
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.search.boxes import Box
    from vitrail.search.images import ImageLike
    from vitrail.search.options import SearchOptions
    from vitrail.search.query import SearchResult
    from vitrail.service.operations.searchable import Searchable

Vectors = dict[str, NDArray[np.float32]]


def embed_region(encoder: Encoder, image: ImageLike, region: Box) -> Vectors | None:
    """Pool the patches of an image that lie in a part of it.

    All of the image goes through the encoder, so that each patch is seen among those around it; a
    part that is cut out (``search.images.cut``) is seen alone, and larger.

    Args:
        encoder: of the collection.
        image: as of ``read_view``.
        region: of the upright image.

    Returns:
        space name -> (1, dim) float32 unit row, of the spaces that are pooled of patches; ``None``
        where the region is all of the image.

    Raises:
        ImageRejectedError: the image cannot be opened.
        InputError: the region reaches beyond the image or shows nothing that the encoder sees, or
            no space is pooled of patches.
    """
    spaces = [space for space in encoder.spaces if space.pooling in POOLED]
    if not spaces:
        names, layer = ", ".join(one.name for one in encoder.spaces), encoder.spaces[0].layer
        raise InputError(
            f"a region is pooled of patches, and of the spaces {names} none is: give a box "
            f"instead, or `vitrail reembed --space mean@{layer}`"
        )
    view = read_view(image, encoder.preprocess)
    edges = region.within(view.size)
    if edges == (0, 0, *view.size):
        return None
    (patches,) = patches_of(encoder, [view], sorted({space.layer for space in spaces}))
    first = patches.layers[spaces[0].layer]
    inside = shares_inside((first.shape[0], first.shape[1]), patches.box, edges)
    if not inside.any():
        left, top, right, bottom = (round(edge) for edge in patches.box)
        raise InputError(
            f"the region {region} shows nothing that the encoder sees, which crops this image to "
            f"{left},{top},{right - left},{bottom - top}; choose one in there, or give --box"
        )
    return {
        space.name: pool(patches.layers[space.layer], inside, space.pooling)[None]
        for space in spaces
    }


def search_region(
    collection: Searchable,
    images: Sequence[ImageLike | int],
    region: Box,
    options: SearchOptions,
    negative: Sequence[ImageLike | int] = (),
) -> SearchResult:
    """Ask with a part of one image as ``embed_region`` sees it; one of the collection by its id.

    Raises:
        InputError: there are several images; or as ``embed_region`` and ``read_stored``.
    """
    if len(images) > 1:
        raise InputError(
            f"{counted(len(images), 'image')} were given, and a region is of one; leave the others "
            "out, or the region"
        )
    (image,) = images
    while True:
        encoder = collection.encoder
        question = Question(
            positives=_positives(collection, encoder, image, region),
            negatives=examples_of(encoder, negative),
            exclude=frozenset({checked_id(image)} if isinstance(image, int | np.integer) else ()),
            encoder=encoder.fingerprint,
        )
        with suppress(OtherEncoderError):
            return answer_question(
                collection.store, collection.calibrations, question, options, Searcher.search
            )


def _positives(
    collection: Searchable, encoder: Encoder, image: ImageLike | int, region: Box
) -> Examples:
    given = image
    if isinstance(given, int | np.integer):
        number = checked_id(given)
        if is_whole(collection.store, number, region):
            return Examples((number,))
        given = read_stored(collection.store, number)
    vectors = embed_region(encoder, given, region)
    return examples_of(encoder, [image]) if vectors is None else Examples((vectors,))
