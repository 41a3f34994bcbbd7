"""Images that a generation starts from, and the sizes at which they are worked on."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field

from PIL import Image

from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.indexer.errors import ImageRejectedError, InputError
from vitrail.indexer.images.files import read_file
from vitrail.indexer.images.opening import open_image
from vitrail.indexer.recipes.recipe import Parent

_THIN = 32  # longest side over shortest, above which nothing sensible can be drawn


@dataclass(frozen=True)
class Picture:
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


def open_picture(
    path: str | os.PathLike[str], *, image_id: int | None = None, role: str = "image"
) -> Picture:
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
        return Picture(open_image(found.data).image, found.sha256, image_id, name)
    except ImageRejectedError as error:
        raise InputError(f"{name} cannot be used: {error.detail}; give an image file") from error


def working_size(
    info: CheckpointInfo, width: int, height: int, name: str = "the image"
) -> tuple[int, int]:
    """The size nearest to that of a given image at which the checkpoint works well.

    Its area is no more than ``info.working_area``, its sides are multiples of ``info.multiple``,
    and its shape is the image's as nearly as these allow.

    Raises:
        InputError: the image is too thin for that.
    """
    if max(width, height) > _THIN * min(width, height):
        raise InputError(
            f"{name} is {width}x{height}, too thin to work on: crop it to at most {_THIN}:1"
        )
    scale = min(1.0, math.sqrt(info.working_area / (width * height)))
    if info.largest is not None:
        scale = min(scale, info.largest / max(width, height))
    step = info.multiple
    sides = (max(step, round(side * scale / step) * step) for side in (width, height))
    return tuple(sides)  # type: ignore[return-value]


def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The image at that size, itself if it has it."""
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)
