"""Masks of inpainting: an image, a box or a polygon, as one image of black and white."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from vitrail.generator.images import InputImage
from vitrail.indexer.errors import InputError
from vitrail.indexer.recipes.recipe import MaskRecord
from vitrail.indexer.wording import counted

_NUMBER = r"[+-]?\d+(?:\.\d+)?"
BOX = re.compile(rf"\s*{_NUMBER}(\s*,\s*{_NUMBER}){{3}}\s*")
POLYGON = re.compile(rf"\s*{_NUMBER},{_NUMBER}(\s+{_NUMBER},{_NUMBER})*\s*")
_THRESHOLD = 128
MAX_FEATHER = 256


@dataclass(frozen=True)
class Mask:
    """What to repaint.

    Attributes:
        image: L, 255 where it is repainted and 0 elsewhere, of the size of the image.
        kind: ``image``, ``box`` or ``polygon``.
        shape: the box or polygon as the user wrote it; empty for an image.
        source: the file of an image.
    """

    image: Image.Image
    kind: str
    shape: str = ""
    source: InputImage | None = None

    def record(self, feather: int) -> MaskRecord:
        """What a recipe keeps of it."""
        width, height = self.image.size
        digest = hashlib.sha256(f"{width}x{height}:".encode() + self.image.tobytes())
        return MaskRecord(self.kind, self.shape, digest.hexdigest(), feather)


def box_mask(text: str, size: tuple[int, int], role: str = "mask") -> Mask:
    """A box of ``x0,y0,x1,y1`` in pixels, the last two not part of it.

    Raises:
        InputError: it is empty or reaches beyond the image.
    """
    x0, y0, x1, y1 = (int(float(value)) for value in text.split(","))
    if not (0 <= x0 < x1 <= size[0] and 0 <= y0 < y1 <= size[1]):
        raise InputError(
            f"{role} {text.strip()} does not lie in the {size[0]}x{size[1]} image: give "
            f"x0,y0,x1,y1 with 0 <= x0 < x1 <= {size[0]} and 0 <= y0 < y1 <= {size[1]}"
        )
    image = Image.new("L", size, 0)
    image.paste(255, (x0, y0, x1, y1))
    return Mask(image, "box", f"{x0},{y0},{x1},{y1}")


def polygon_mask(text: str, size: tuple[int, int], role: str = "mask") -> Mask:
    """A polygon of ``x,y x,y x,y ...`` in pixels; what lies outside the image is cut off.

    Raises:
        InputError: fewer than three corners, or nothing of it in the image.
    """
    corners = [tuple(float(v) for v in pair.split(",")) for pair in text.split()]
    if len(corners) < 3:
        raise InputError(
            f"{role} {text.strip()} is a polygon of {counted(len(corners), 'corner')}, which has "
            "no inside: give three or more, x,y x,y x,y"
        )
    image = Image.new("L", size, 0)
    ImageDraw.Draw(image).polygon(corners, fill=255)
    return _filled(Mask(image, "polygon", " ".join(text.split())), f"{role} {text.strip()}")


def image_mask(given: InputImage, size: tuple[int, int]) -> Mask:
    """An image's bright half; transparent parts count as white.

    Raises:
        InputError: of another size than the image, or all black.
    """
    if given.image.size != size:
        raise size_mismatch(given.name, given.image.size, size)
    image = given.image.convert("L").point([0] * _THRESHOLD + [255] * (256 - _THRESHOLD))
    return _filled(Mask(image, "image", source=given), given.name)


def size_mismatch(name: str, mask: tuple[int, int], image: tuple[int, int]) -> InputError:
    """The refusal of a mask of another size than the image."""
    sizes = f"is {mask[0]}x{mask[1]} and the image {image[0]}x{image[1]}"
    return InputError(f"{name} {sizes}: give a mask of the image's size")


def _filled(mask: Mask, name: str) -> Mask:
    if mask.image.getextrema() == (0, 0):
        raise InputError(f"{name} marks nothing in the image: white is repainted")
    return mask


def coarse(mask: Image.Image, cell: int) -> NDArray[np.float32]:
    """One value a cell of ``cell`` pixels, (h, w) of 0 and 1: 1 where any pixel is marked.

    So no marked pixel is lost, however thin its line. Sides must be multiples of ``cell``.
    """
    marked = np.asarray(mask) >= _THRESHOLD
    height, width = marked.shape
    cells = marked.reshape(height // cell, cell, width // cell, cell)
    marks: NDArray[np.bool_] = np.any(cells, axis=(1, 3))
    return marks.astype(np.float32)


def composite(
    original: Image.Image, painted: Image.Image, mask: Image.Image, feather: int
) -> Image.Image:
    """``painted`` within the mask, ``original`` exactly outside it; all of one size.

    Over ``feather`` pixels inside the mask's edge the two blend.
    """
    alpha = np.asarray(mask, dtype=np.float32) / 255
    if feather:
        blurred = mask.filter(ImageFilter.GaussianBlur(feather / 2))
        # Half the blur lies outside the mask; only its inner half is used.
        inner = np.clip(np.asarray(blurred, dtype=np.float32) / 127.5 - 1, 0, 1)
        alpha = alpha * inner
    below, above = (np.asarray(x, dtype=np.float32) for x in (original, painted))
    mixed = below + (above - below) * alpha[..., None]
    return Image.fromarray(np.rint(mixed).astype(np.uint8), "RGB")
