"""What a client may name an image by. A door makes these of what it was given; nothing is guessed.

A file of this machine is a type of its own: a door for strangers never makes one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from vitrail.indexer.errors import ImageRejectedError, UnknownImageError, UnusableImageError

if TYPE_CHECKING:
    from vitrail.indexer.collection.answering import Answering


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file of this machine, indexed or not; it is read anew, since it may have changed.

    Attributes:
        path: of the file.
        given: how it was named, for messages; empty for the path.
    """

    path: str
    given: str = ""

    def __str__(self) -> str:
        return self.given or self.path


@dataclass(frozen=True, slots=True)
class ImageBytes:
    """The bytes of an image file.

    Attributes:
        data: encoded, in any format that can be indexed.
        name: what messages call them.
    """

    data: bytes = field(repr=False)
    name: str = "the image"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class ImageId:
    """An image of the collection by its id.

    Attributes:
        id: of the image.
        given: how it was named, for messages; empty for the id.
    """

    id: int
    given: str = ""

    def __str__(self) -> str:
        return self.given or str(self.id)


@dataclass(frozen=True, slots=True)
class IndexedPath:
    """An image of the collection by the path of a file of it, or the last part or parts of one."""

    path: str

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class ContentHash:
    """An image of the collection by its content hash (sha256, hex), or its first six digits."""

    start: str

    def __str__(self) -> str:
        return self.start


StoredImage: TypeAlias = ImageId | IndexedPath | ContentHash
ImageReference: TypeAlias = ImageFile | ImageBytes | StoredImage


def find_image(store: Answering, image: StoredImage, *, waiting: bool = False) -> int:
    """The id of an image of the collection.

    Args:
        store: the collection.
        image: what names it.
        waiting: look among the hidden images instead that wait for their files to come back.

    Raises:
        UnknownImageError: there is none.
        InputError: a path or hash names several; the message lists some.
    """
    from vitrail.indexer.catalog.contents import by_ending, by_hash, by_id, by_path

    with store.reading() as connection:
        if isinstance(image, ImageId):
            found = by_id(connection, str(image.id), waiting)
        elif isinstance(image, ContentHash):
            found = by_hash(connection, image.start, waiting)
        elif os.path.isabs(image.path):
            found = by_path(connection, image.path, waiting)
        else:
            found = by_ending(connection, image.path, waiting)
    if found is None:
        raise UnknownImageError(
            f"{_KINDS[type(image)]} {str(image)!r} names no image of this collection"
        )
    return found


_KINDS: dict[type, str] = {
    ImageId: "the id",
    IndexedPath: "the path",
    ContentHash: "the content hash",
}


def unusable_image(what: str, error: ImageRejectedError) -> UnusableImageError:
    """The refusal of an image that the user named, which a reject alone does not name."""
    return UnusableImageError(
        f"{what} cannot be used: {error.detail}; give an image file", reason=error.reason
    )
