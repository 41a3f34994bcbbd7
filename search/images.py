"""A query image, in whatever form it comes, to an encoder's pixels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
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
from vitrail.indexer.paths import display
from vitrail.search.boxes import Box

if TYPE_CHECKING:
    from vitrail.indexer.encoders.base import Encoder

ImageLike: TypeAlias = str | os.PathLike[str] | bytes | Image.Image | NDArray[np.uint8]
"""A path, the bytes of a file, a Pillow image, or an array of (H, W, 3) uint8, RGB."""


@dataclass(frozen=True, slots=True)
class View:
    """What an encoder sees of an image.

    Attributes:
        pixels: (S, S, 3) uint8.
        size: (width, height) of the whole image, upright, in pixels.
    """

    pixels: NDArray[np.uint8]
    size: tuple[int, int]


def read_view(given: ImageLike, spec: Preprocess) -> View:
    """Make an encoder's pixels of an image: the same ones in whichever form it is given.

    Args:
        given: a path, encoded bytes, a Pillow image, or (H, W, 3) uint8, RGB.
        spec: what the encoder does to an image.

    Raises:
        ImageRejectedError: it cannot be opened, with the reason.
        InputError: it is none of these, or an array of another shape or type.
    """
    if isinstance(given, str | os.PathLike):
        path = os.path.expanduser(os.fspath(given))
        try:
            return _from_file(read_file(path).data, spec)
        except ImageRejectedError as error:  # of several images, which?
            raise ImageRejectedError(error.reason, f"{display(path)!r}: {error.detail}") from error
    if isinstance(given, bytes | bytearray | memoryview):
        return _from_file(bytes(given), spec)
    if isinstance(given, np.ndarray):
        return _as_it_is(_from_array(given), spec)
    if isinstance(given, Image.Image):
        return _as_it_is(_upright(given), spec)
    raise _no_image(given)


def cut(given: ImageLike, box: Box) -> Image.Image | None:
    """The part of an image that a box names, decoded at full size: RGB, sRGB.

    Args:
        given: as of ``read_pixels``.
        box: of the upright image.

    Returns:
        ``None`` where that is all of the image, which is then better read as a whole: a large one
        is decoded smaller, and so not quite to the pixels that were indexed.

    Raises:
        ImageRejectedError: the image cannot be opened, with the reason.
        InputError: it is none, or the box reaches beyond it.
    """
    image = _whole(given)
    edges = box.within(image.size)
    return None if edges == (0, 0, *image.size) else image.crop(edges)


def _whole(given: ImageLike) -> Image.Image:
    """Every pixel of an upright image."""
    if isinstance(given, str | os.PathLike):
        path = os.path.expanduser(os.fspath(given))
        try:
            return open_image(read_file(path).data).image
        except ImageRejectedError as error:
            raise ImageRejectedError(error.reason, f"{display(path)!r}: {error.detail}") from error
    if isinstance(given, bytes | bytearray | memoryview):
        return open_image(bytes(given)).image
    if isinstance(given, np.ndarray):
        return _from_array(given)
    if isinstance(given, Image.Image):
        return _upright(given)
    raise _no_image(given)


def _no_image(given: object) -> InputError:
    return InputError(
        f"{type(given).__name__} {repr(given)[:60]} is no image; give a path, the bytes of a "
        "file, a Pillow image or a (height, width, 3) uint8 array"
    )


def read_pixels(given: ImageLike, spec: Preprocess) -> NDArray[np.uint8]:
    """Make (S, S, 3) uint8 pixels of an image; arguments and errors are those of ``read_view``."""
    return read_view(given, spec).pixels


def _from_file(data: bytes, spec: Preprocess) -> View:
    """As an indexed file is read, so that an image finds itself with the very same pixels."""
    opened = open_image(data, target=spec.target)
    size = opened.width, opened.height
    return View(apply(spec, opened.image, size), size)


def _as_it_is(image: Image.Image, spec: Preprocess) -> View:
    return View(apply(spec, image), image.size)


def _from_array(pixels: NDArray[Any]) -> Image.Image:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise InputError(
            f"an image as an array is (height, width, 3) uint8, RGB, not {pixels.shape} "
            f"{pixels.dtype}; convert it, or give a path or a Pillow image"
        )
    return Image.fromarray(np.ascontiguousarray(pixels))


def _upright(image: Image.Image) -> Image.Image:
    if not all(image.size):
        raise InputError(f"an image of {image.width} x {image.height} pixels shows nothing")
    try:
        return to_srgb(ImageOps.exif_transpose(image))
    except Exception as error:  # only now does Pillow read a file, and meets what is wrong with it
        raise ImageRejectedError("broken", f"the image cannot be decoded: {error}") from error


def embed_images(encoder: Encoder, images: Sequence[ImageLike]) -> dict[str, NDArray[np.float32]]:
    """Embed m images: space name -> (m, dim) float32, normalised rows.

    Raises:
        ImageRejectedError: an image cannot be opened.
        InputError: what is given is no image.
    """
    parts = []
    for start in range(0, len(images), MAX_BATCH):
        chosen = images[start : start + MAX_BATCH]
        pixels = [read_pixels(image, encoder.preprocess) for image in chosen]
        parts.append(encode_resilient(encoder, np.stack(pixels)).vectors)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
