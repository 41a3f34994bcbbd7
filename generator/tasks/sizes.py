"""The sizes at which images are worked on."""

from __future__ import annotations

import math

from PIL import Image

from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import check_size
from vitrail.generator.images import InputImage
from vitrail.indexer.errors import InputError

_THIN = 32  # longest side over shortest, above which nothing sensible can be drawn


def chosen_size(
    info: CheckpointInfo, init: InputImage, width: int | None, height: int | None
) -> tuple[int, int]:
    """The size asked for, or the one at which the image is best worked on.

    Raises:
        InputError: the checkpoint cannot draw that size.
    """
    own = working_size(info, *init.image.size, init.name)
    size = (own[0] if width is None else width, own[1] if height is None else height)
    check_size(info, *size)
    return size


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
