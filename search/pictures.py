"""A query picture, in whatever form it comes, to an encoder's pixels."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.images.files import read_file
from indexer.images.opening import open_image
from indexer.images.preprocess import Preprocess, apply

if TYPE_CHECKING:
    from PIL.Image import Image


def open_picture(
    picture: str | os.PathLike[str] | bytes | Image, spec: Preprocess
) -> NDArray[np.uint8]:
    """Make (S, S, 3) uint8 pixels of a path, encoded bytes or a Pillow image.

    Raises:
        ImageRejectedError: it cannot be opened, with the reason.
    """
    if isinstance(picture, bytes):
        return apply(spec, open_image(picture).image)
    if isinstance(picture, str | os.PathLike):
        path = os.path.expanduser(os.fspath(picture))
        return apply(spec, open_image(read_file(path).data).image)
    return apply(spec, picture.convert("RGB"))
