"""The part of a query image that is asked with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitrail.indexer.errors import InputError, UnusableImageError
from vitrail.indexer.wording import counted
from vitrail.service.operations.queries import checked_id

if TYPE_CHECKING:
    from PIL import Image

    from vitrail.indexer.collection.answering import Answering
    from vitrail.search.boxes import Box
    from vitrail.search.images import ImageLike


def cut_query(
    store: Answering, images: Sequence[ImageLike | int], box: Box | None
) -> tuple[Sequence[ImageLike | int], frozenset[int]]:
    """What is asked with, where a box names a part of the one image that is given.

    Args:
        store: the collection.
        images: images and ids of the collection's.
        box: of the upright image; without one all is asked with as it is.

    Returns:
        the part, or what was given where that is all of it, and the id of the image that was cut.

    Raises:
        ImageRejectedError: the image cannot be opened.
        InputError: there are several, or the box reaches beyond the image; or as ``cut_stored``.
    """
    from vitrail.search.images import cut

    if box is None:
        return images, frozenset()
    if len(images) > 1:
        raise InputError(
            f"{counted(len(images), 'image')} were given, and a box is of one; cut the others "
            "yourself, or leave the box out"
        )
    (image,) = images
    if isinstance(image, int | np.integer):
        number = checked_id(image)
        part = cut_stored(store, number, box)
        return [number if part is None else part], frozenset({number})
    part = cut(image, box)
    return [image if part is None else part], frozenset()


def cut_stored(store: Answering, image_id: int, box: Box) -> Image.Image | None:
    """The part of an image of the collection, from a file that still holds it.

    Args:
        store: the collection.
        image_id: of the image.
        box: of the upright image.

    Returns:
        ``None`` where that is all of the image, whose vectors are stored.

    Raises:
        UnknownImageError: no image has the id.
        UnusableImageError: none of its files can be read, or they hold something else by now.
        InputError: the box reaches beyond the image.
    """
    from vitrail.search.images import cut

    if is_whole(store, image_id, box):
        return None
    return cut(read_stored(store, image_id), box)


def is_whole(store: Answering, image_id: int, box: Box) -> bool:
    """Whether a box is all of an image of the collection; errors are those of ``cut_stored``."""
    (known,) = store.metadata([image_id])
    size = known.width, known.height
    return box.within(size) == (0, 0, *size)


def read_stored(store: Answering, image_id: int) -> bytes:
    """A file of an image of the collection that holds what was indexed.

    Raises:
        UnknownImageError: no image has the id.
        UnusableImageError: none of its files can be read, or they hold something else by now.
    """
    from vitrail.indexer.images.files import read_unchanged

    (known,) = store.metadata([image_id])
    found = read_unchanged(known.paths, known.content_hash)
    if found is not None:
        return found.data
    raise UnusableImageError(
        f"no file of image {image_id} can be read as it was indexed, so that no part of it can be "
        "asked with; index its folder again, or ask with all of it"
    )
