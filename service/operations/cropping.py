"""The part of a query image that is asked with."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from vitrail.indexer.errors import ImageRejectedError, UnusableImageError

if TYPE_CHECKING:
    from PIL import Image

    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.search.boxes import Box


def cut_stored(store: CollectionStore, image_id: int, box: Box) -> Image.Image | None:
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
    from vitrail.indexer.images.files import read_file
    from vitrail.search.images import cut

    (known,) = store.metadata([image_id])
    size = known.width, known.height
    if box.within(size) == (0, 0, *size):
        return None
    for path in known.paths:
        with suppress(ImageRejectedError):
            data = read_file(path).data
            if hashlib.sha256(data).hexdigest() == known.content_hash:
                return cut(data, box)
    raise UnusableImageError(
        f"no file of image {image_id} can be read as it was indexed, so that no box can be cut out "
        "of it; index its folder again, or leave the box out"
    )
