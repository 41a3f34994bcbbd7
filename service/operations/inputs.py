"""Images that a generation starts from, by whatever names them."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from vitrail.indexer.errors import ImageRejectedError, InputError
from vitrail.service.operations.references import (
    ContentHash,
    ImageBytes,
    ImageFile,
    ImageReference,
    IndexedPath,
    StoredImage,
    find_image,
    unusable_image,
)

if TYPE_CHECKING:
    from vitrail.generator.images import InputImage
    from vitrail.indexer.collection.store import CollectionStore


def open_input(store: CollectionStore | None, image: ImageReference) -> InputImage:
    """Read an image to start from.

    Args:
        store: the collection, in which the image is looked for too; ``None`` where there is none.
        image: what names it.

    Raises:
        UnknownImageError: no image of the collection is named so.
        InputError: it is no usable image, or its file is not on disk any more.
    """
    if isinstance(image, ImageBytes):
        content_hash = hashlib.sha256(image.data).hexdigest()
        return _opened(image.data, content_hash, _id_of(store, ContentHash(content_hash)), image)
    if isinstance(image, ImageFile):
        return _read(image.path, _id_of(store, IndexedPath(os.path.abspath(image.path))), image)
    if store is None:
        raise InputError(f"{image} is to be an image of a collection, and there is none here")
    image_id = find_image(store, image)
    (row,) = store.metadata([image_id])
    for known in row.paths:
        if os.path.exists(known):
            return _read(known, image_id, f"{image}, file {known!r}")
    raise InputError(
        f"{image} is image {image_id}, whose file is not on disk any more: {row.path}; "
        "bring it back, or give another"
    )


def _id_of(store: CollectionStore | None, image: StoredImage) -> int | None:
    if store is None:
        return None
    try:
        return find_image(store, image)
    except InputError:  # a file that was never indexed can be a parent too, by its content
        return None


def _read(path: str, image_id: int | None, name: object) -> InputImage:
    from vitrail.indexer.images.files import read_file

    try:
        found = read_file(path)
    except ImageRejectedError as error:
        raise unusable_image(str(name), error) from error
    return _opened(found.data, found.sha256, image_id, name)


def _opened(data: bytes, content_hash: str, image_id: int | None, name: object) -> InputImage:
    from vitrail.generator.images import InputImage
    from vitrail.indexer.images.opening import open_image

    try:
        return InputImage(open_image(data).image, content_hash, image_id, str(name))
    except ImageRejectedError as error:
        raise unusable_image(str(name), error) from error
