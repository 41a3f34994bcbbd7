"""Images that a generation starts from."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from PIL import Image

from vitrail.indexer.errors import ImageRejectedError, InputError
from vitrail.indexer.images.files import read_file
from vitrail.indexer.images.opening import open_image
from vitrail.indexer.recipes.recipe import Parent


@dataclass(frozen=True)
class InputImage:
    """An image and which one it is.

    Attributes:
        image: RGB, upright.
        content_hash: sha256 (hex) of the file's bytes, as in a collection.
        image_id: its id in the collection, if it has one.
        name: what messages call it.
    """

    image: Image.Image
    content_hash: str
    image_id: int | None = None
    name: str = field(default="the image", compare=False)

    def parent(self, role: str) -> Parent:
        """How a recipe names it."""
        return Parent(role, self.content_hash, self.image_id)


def open_input_image(
    path: str | os.PathLike[str], *, image_id: int | None = None, role: str = "image"
) -> InputImage:
    """Read an image file.

    Args:
        path: of the file.
        image_id: its id in the collection, if it has one.
        role: what it is to the user, such as an option's name, for messages.

    Raises:
        InputError: it is no usable image; the message names role and file.
    """
    name = f"{role} {os.fspath(path)!r}"
    try:
        found = read_file(path)
        return InputImage(open_image(found.data).image, found.sha256, image_id, name)
    except ImageRejectedError as error:
        raise InputError(f"{name} cannot be used: {error.detail}; give an image file") from error
