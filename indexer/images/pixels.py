"""Decoding itself: a file's image to upright sRGB pixels, by Pillow."""

from __future__ import annotations

import io
import warnings
from typing import NamedTuple

from PIL import Image

from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images import formats, reduction
from vitrail.indexer.images.containers import Container

SCALED_MARGIN = 2
"""A JPEG is decoded at 1/2, 1/4 or 1/8 only if its shortest edge keeps this many times the target.

libjpeg's scaled inverse DCT is a box filter, so the resize must have something left to filter.
Measured by ``benchmarks/decode.py`` on 2 to 12 megapixels, embedded ViT, least cosine to the full
decode: 0.9978 at 1, 0.9999 at 2 (3.4 times as fast), 1.0000 at 3 (2.1 times as fast).
"""

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_CONVERTING = 32  # bytes a pixel of a band, beside the image
_OUTPUT = 4  # bytes a pixel of Pillow's RGB


class Decoding(NamedTuple):
    """What is to be decoded, and how.

    Attributes:
        name: Pillow's name of the format.
        target: shortest edge in pixels that is needed, or ``None`` for all of them.
        max_pixels: more than this many pixels are refused.
        orientation: as EXIF counts it, or ``None`` where Pillow shall say.
        icc: the profile, or ``None`` where Pillow shall say.
    """

    name: str
    target: int | None
    max_pixels: int
    orientation: int | None = None
    icc: bytes | None = None


def decode(encoded: bytes, how: Decoding) -> Image.Image:
    """An upright RGB image in sRGB, possibly smaller than the original.

    Raises:
        ImageRejectedError: ``too-many-pixels``.
        Exception: decoders raise whatever a damaged file makes them stumble over.
    """
    formats.load_plugin(how.name)
    _prepare_pillow(how.max_pixels)
    found, orientation = _load(encoded, how)
    turn = _TURNS.get(orientation)
    return found if turn is None else found.transpose(turn)  # what was decoded is free by now


def _load(encoded: bytes, how: Decoding) -> tuple[Image.Image, int]:
    with Image.open(io.BytesIO(encoded), formats=(how.name,)) as image:
        check_pixels(image.size, how.max_pixels)
        if how.target and how.name == "JPEG":
            edge = how.target * SCALED_MARGIN
            image.draft(None, (edge, edge))
        image.load()
        # Only now: Pillow turns a TIFF upright while loading, and drops its orientation then.
        orientation = _ask_orientation(image) if how.orientation is None else how.orientation
        icc = image.info.get("icc_profile") if how.icc is None else how.icc
        factor = reduction.factor_for(image.size, how.target)
        icc = icc if isinstance(icc, bytes) else b""
        return reduction.to_srgb(image, icc, factor), orientation


def _ask_orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF is no reason to lose the image
        return 1


def check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    """Refuse an image of too many pixels.

    Raises:
        ImageRejectedError: ``too-many-pixels``, naming the option that would take it.
    """
    width, height = size
    if width * height > max_pixels:
        raise ImageRejectedError(
            "too-many-pixels",
            f"{width:,} x {height:,} pixels are more than the limit of {max_pixels:,}: if it is no "
            f"bomb, index it with --max-pixels {width * height}",
        )


def bytes_needed(container: Container, name: str, target: int | None) -> int:
    """Bytes that decoding takes at its peak, beside the file, by what its header says.

    ``benchmarks/decode_memory.py`` puts it beside what is measured, for every format and mode.
    """
    width, height = container.size
    scale = _scale(container.size, target) if name == "JPEG" else 1
    decoded = -(-width // scale), -(-height // scale)
    pixels = decoded[0] * decoded[1]
    factor = reduction.factor_for(decoded, target)
    output = _OUTPUT * -(-decoded[0] // factor) * -(-decoded[1] // factor)
    converting = _CONVERTING * min(pixels, max(reduction.BAND, decoded[0] * factor))
    need = max(int(pixels * container.depth) + container.held + output + converting, 2 * output)
    # Another process has a copy of the file, and gives one of what it made of it.
    return need if container.tame else need + len(container.encoded) + output


def _scale(size: tuple[int, int], target: int | None) -> int:
    """By what libjpeg divides an image while it decodes it."""
    fitting = min(size) // (target * SCALED_MARGIN) if target else 1
    return next((scale for scale in (8, 4, 2) if fitting >= scale), 1)


def _prepare_pillow(max_pixels: int) -> None:
    """Let Pillow keep its warnings to itself, and its own limit not be below ours.

    ``warnings.catch_warnings`` must not be used in threads, so a filter is put first for good; it
    names Pillow's modules only, whose warnings about a file we report ourselves, as rejects.
    Someone may have put other filters before it since, as pytest does.
    """
    if not warnings.filters or warnings.filters[0] is not _state.get("filter"):
        warnings.filterwarnings("ignore", module=r"(PIL|pillow_heif)\b")
        _state["filter"] = warnings.filters[0]
    if Image.MAX_IMAGE_PIXELS is not None and max_pixels > 2 * Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = (max_pixels + 1) // 2


_state: dict[str, object] = {}
