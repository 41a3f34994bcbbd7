"""A query picture, in whatever form it comes, to an encoder's pixels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vitrail.indexer.encoders.batching import MAX_BATCH, encode_resilient
from vitrail.indexer.errors import ImageRejectedError, InputError
from vitrail.indexer.images.colours import to_srgb
from vitrail.indexer.images.files import read_file
from vitrail.indexer.images.opening import open_image
from vitrail.indexer.images.preprocess import Preprocess, apply

if TYPE_CHECKING:
    from vitrail.indexer.encoders.base import Encoder

Picture: TypeAlias = str | os.PathLike[str] | bytes | Image.Image | NDArray[np.uint8]
"""A path, the bytes of a file, a Pillow image, or an array of (H, W, 3) uint8, RGB."""


def open_picture(picture: Picture, spec: Preprocess) -> NDArray[np.uint8]:
    """Make (S, S, 3) uint8 pixels of a picture: the same ones in whichever form it is given.

    Args:
        picture: a path, encoded bytes, a Pillow image, or (H, W, 3) uint8, RGB.
        spec: what the encoder does to a picture.

    Raises:
        ImageRejectedError: it cannot be opened, with the reason.
        InputError: it is none of these, or an array of another shape or type.
    """
    if isinstance(picture, str | os.PathLike):
        path = os.path.expanduser(os.fspath(picture))
        return _from_file(read_file(path).data, spec)
    if isinstance(picture, bytes | bytearray | memoryview):
        return _from_file(bytes(picture), spec)
    if isinstance(picture, np.ndarray):
        return apply(spec, _from_array(picture))
    if isinstance(picture, Image.Image):
        return apply(spec, _upright(picture))
    raise InputError(
        f"{type(picture).__name__} {repr(picture)[:60]} is no picture; give a path, the bytes of a "
        "file, a Pillow image or a (height, width, 3) uint8 array"
    )


def _from_file(data: bytes, spec: Preprocess) -> NDArray[np.uint8]:
    """As an indexed file is read, so that an image finds itself with the very same pixels."""
    opened = open_image(data, target=spec.target)
    return apply(spec, opened.image, (opened.width, opened.height))


def _from_array(pixels: NDArray[Any]) -> Image.Image:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise InputError(
            f"a picture as an array is (height, width, 3) uint8, RGB, not {pixels.shape} "
            f"{pixels.dtype}; convert it, or give a path or a Pillow image"
        )
    return Image.fromarray(np.ascontiguousarray(pixels))


def _upright(image: Image.Image) -> Image.Image:
    if not all(image.size):
        raise InputError(f"a picture of {image.width} x {image.height} pixels shows nothing")
    try:
        return to_srgb(ImageOps.exif_transpose(image))
    except Exception as error:  # only now does Pillow read a file, and meets what is wrong with it
        raise ImageRejectedError("broken", f"the picture cannot be decoded: {error}") from error


def embed_pictures(encoder: Encoder, images: Sequence[Picture]) -> dict[str, NDArray[np.float32]]:
    """Embed m pictures: space name -> (m, dim) float32, normalised rows.

    Raises:
        ImageRejectedError: a picture cannot be opened.
        InputError: what is given is no picture.
    """
    parts = []
    for start in range(0, len(images), MAX_BATCH):
        chosen = images[start : start + MAX_BATCH]
        pixels = [open_picture(image, encoder.preprocess) for image in chosen]
        parts.append(encode_resilient(encoder, np.stack(pixels)).vectors)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
