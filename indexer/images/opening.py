"""Any image file, safely, to an upright RGB picture in sRGB, with what its metadata says."""

from __future__ import annotations

import importlib.util
import io
import os
import warnings
from dataclasses import dataclass
from datetime import datetime

from PIL import Image, UnidentifiedImageError

from indexer.errors import ImageRejectedError
from indexer.images import colours, formats, metadata
from indexer.images.files import read_file as read_file

REASONS: dict[str, str] = {
    "empty": "the file has no bytes",
    "truncated": "the file ends in the middle of the picture",
    "broken": "the picture cannot be decoded",
    "not-an-image": "the content is no image of a supported format",
    "heic-needs-extra": "HEIC pictures need the extra vitrail[heic]",
    "too-many-pixels": "more pixels than the limit, as a decompression bomb has",
    "too-many-bytes": "the file is larger than the limit",
    "out-of-memory": "there is not enough memory to decode it",
    "not-a-file": "a FIFO, socket, device or folder, which is never opened",
    "unreadable": "the operating system refuses to read it",
    "broken-link": "a symbolic link to nothing, or to itself",
    "missing": "the file went away after the scan",
    "changing": "the file was written to while it was read",
}
"""Every reason a file is rejected for, with its meaning."""

# What may be different next time though the file is the same: its mode, the limit, the machine.
_PASSING = frozenset({"too-many-pixels", "out-of-memory", "unreadable", "missing", "changing"})

DEFAULT_MAX_PIXELS = 178_956_970
"""Default pixel limit: half a gigabyte of RGB, and where Pillow itself stops."""

SCALED_MARGIN = 2
"""A JPEG is decoded at 1/2, 1/4 or 1/8 only if its shortest edge keeps this many times the target.

libjpeg's scaled inverse DCT is a box filter, so the resize must have something left to filter.
Measured by ``benchmarks/decode.py`` on 2 to 12 megapixels, embedded ViT, least cosine to the full
decode: 0.9978 at 1, 0.9999 at 2 (3.4 times as fast), 1.0000 at 3 (2.1 times as fast).
"""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class OpenedImage:
    """A decoded picture.

    Attributes:
        image: RGB, upright, sRGB; of a large JPEG possibly smaller than the original.
        width: of the upright original, in pixels.
        height: of the upright original, in pixels.
        format: Pillow's name of the format, such as ``JPEG``.
        taken_at: EXIF date, naive local time.
        camera: EXIF make and model.
        info: text metadata by name; see ``indexer.images.metadata.read_text``.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    taken_at: datetime | None
    camera: str | None
    info: dict[str, str]


def passing_reasons() -> frozenset[str]:
    """Reasons of rejects that are worth another try even where the file has not changed."""
    heif = importlib.util.find_spec("pillow_heif") is not None
    return _PASSING | ({"heic-needs-extra"} if heif else frozenset())


def open_image(
    source: str | os.PathLike[str] | bytes,
    *,
    target: int | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> OpenedImage:
    """Decode a file, or a file's bytes; content alone decides the format.

    Animations and multi-page files give their first frame. May be called from many threads.

    Args:
        source: path, or the bytes of a file.
        target: shortest edge in pixels that is needed: large JPEGs are then decoded scaled down,
            to no less than ``SCALED_MARGIN`` times it. ``None`` or 0 decodes every pixel.
        max_pixels: more than this many pixels, by the header, are refused before decoding.

    Raises:
        ImageRejectedError: with one of ``REASONS``.
    """
    data = source if isinstance(source, bytes) else read_file(source).data
    if not data:
        raise ImageRejectedError("empty", "the file has no bytes")
    name = formats.sniff(data[: formats.HEAD])
    if name is None:
        raise ImageRejectedError("not-an-image", "its content is of no supported image format")
    formats.load_plugin(name)
    _prepare_pillow(max_pixels)
    try:
        return _decode_untexted(data, name, target, max_pixels)
    except ImageRejectedError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageRejectedError("too-many-pixels", _one_line(error)) from error
    except MemoryError as error:
        raise ImageRejectedError("out-of-memory", "not enough memory to decode it") from error
    except Exception as error:  # decoders raise whatever a damaged file makes them stumble over
        raise _failure(error, data, name) from error


def _decode(data: bytes, name: str, target: int | None, max_pixels: int) -> OpenedImage:
    with Image.open(io.BytesIO(data), formats=(name,)) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise ImageRejectedError(
                "too-many-pixels",
                f"{width} x {height} pixels are more than the limit of {max_pixels:,}",
            )
        if target and name == "JPEG":
            image.draft(None, (target * SCALED_MARGIN, target * SCALED_MARGIN))
        image.load()
        exif = metadata.read_exif(image)
        # Only now: Pillow turns a TIFF upright while loading, and drops its orientation then.
        turn = _TURNS.get(exif.get(_ORIENTATION, 1))
        if turn is not None and turn >= Image.Transpose.ROTATE_90 and turn != _TURNS[3]:
            width, height = height, width
        picture = colours.to_srgb(image)
        return OpenedImage(
            image=picture if turn is None else picture.transpose(turn),
            width=width,
            height=height,
            format=name,
            taken_at=metadata.taken_at(exif),
            camera=metadata.camera(exif),
            info=metadata.read_text(image, exif),
        )


def _decode_untexted(data: bytes, name: str, target: int | None, max_pixels: int) -> OpenedImage:
    """As ``_decode``; a PNG that has a text too large for Pillow is decoded without its texts."""
    try:
        return _decode(data, name, target, max_pixels)
    except ValueError as error:
        if name != "PNG" or "too large" not in str(error):
            raise
    return _decode(metadata.drop_png_texts(data), name, target, max_pixels)


def _failure(error: Exception, data: bytes, name: str) -> ImageRejectedError:
    text = _one_line(error)
    if isinstance(error, EOFError) or "truncated" in text.lower() or formats.is_cut(name, data):
        return ImageRejectedError("truncated", f"the {name} file ends too early")
    if isinstance(error, UnidentifiedImageError):
        text = "its header makes no sense"
    return ImageRejectedError("broken", f"the {name} file cannot be decoded: {text}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


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
