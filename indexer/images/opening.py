"""Any image file, safely, to an upright RGB image in sRGB, with what its metadata says."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass, fields

from PIL import Image, UnidentifiedImageError

from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images import formats
from vitrail.indexer.images.budget import MemoryBudget, written
from vitrail.indexer.images.containers import Container
from vitrail.indexer.images.decoder_process import (
    DecodingStoppedError,
    DecodingUnavailableError,
    decode_apart,
)
from vitrail.indexer.images.facts import Facts, gather, part, sniff, unreadable
from vitrail.indexer.images.files import read_file as read_file
from vitrail.indexer.images.pixels import Decoding, bytes_needed, check_pixels, decode
from vitrail.indexer.wording import in_one_line

REASONS: dict[str, str] = {
    "empty": "the file has no bytes",
    "truncated": "the file ends in the middle of the image",
    "broken": "the image cannot be decoded",
    "not-an-image": "the content is no image of a supported format",
    "heic-needs-extra": "HEIC images need the extra vitrail[heic]",
    "too-many-pixels": "more pixels than the limit, as a decompression bomb has",
    "too-many-bytes": "the file is larger than the limit",
    "too-costly": "decoding it takes far more time or memory than an image of its size should",
    "out-of-memory": "there is not enough memory to decode it",
    "not-a-file": "a FIFO, socket, device or folder, which is never opened",
    "unreadable": "the operating system refuses to read it",
    "broken-link": "a symbolic link to nothing, or to itself",
    "outside": "a symbolic link out of the folders that the service may index",
    "missing": "the file went away after the scan",
    "changing": "the file was written to while it was read",
}
"""Every reason a file is rejected for, with its meaning."""

# What may be different next time though the file is the same: its mode, the limit, the machine.
_PASSING = frozenset({"too-many-pixels", "out-of-memory", "unreadable", "missing", "changing"})

DEFAULT_MAX_PIXELS = 178_956_970
"""Default pixel limit: half a gigabyte of RGB, and where Pillow itself stops."""

MAX_SCANNED = 2_000_000_000
"""Pixels times scans of a JPEG that is decoded in a thread: some seconds if each scan is empty."""


@dataclass(frozen=True, slots=True)
class OpenedImage(Facts):
    """A decoded image, and what its file says about it.

    Attributes:
        image: RGB, upright, sRGB; of a large image possibly smaller than the original.
    """

    image: Image.Image


def passing_reasons() -> frozenset[str]:
    """Reasons of rejects that are worth another try even where the file has not changed."""
    heif = importlib.util.find_spec("pillow_heif") is not None
    return _PASSING | ({"heic-needs-extra"} if heif else frozenset())


def open_image(
    source: str | os.PathLike[str] | bytes,
    *,
    target: int | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    budget: MemoryBudget | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> OpenedImage:
    """Decode a file, or a file's bytes; content alone decides the format.

    Animations and multi-page files give their first frame. May be called from many threads. No
    file can hold it for long, or take more memory than the budget: see
    ``vitrail.indexer.images.decoder_process``.

    Args:
        source: path, or the bytes of a file.
        target: shortest edge in pixels that is needed: large JPEGs are then decoded scaled down,
            to no less than ``pixels.SCALED_MARGIN`` times it, and other images of more than
            ``reduction.LARGE`` pixels reduced to no less than ``reduction.MARGIN`` times it.
            ``None`` or 0 gives every pixel.
        max_pixels: more than this many pixels, by the header, are refused before decoding.
        budget: the bytes that all who share it may take together; ``None`` takes a share of the
            memory that is free now.
        stop: asked now and then; once true, decoding ends as soon as it can.

    Raises:
        ImageRejectedError: with one of ``REASONS``.
        DecodingStoppedError: ``stop`` said so.
    """
    data = source if isinstance(source, bytes) else read_file(source).data
    name = sniff(data)
    formats.load_plugin(name)
    container = part(name, data)
    check_pixels(container.size, max_pixels)
    facts, orientation = gather(name, container)
    need = bytes_needed(container, name, target)
    budget = budget or MemoryBudget.of_free_memory()
    if need > budget.total:
        raise _too_large(container, name, need, budget)
    how = Decoding(name, target, max_pixels, orientation, container.icc)
    with budget.hold(need):
        if stop():
            raise DecodingStoppedError("decoding was stopped")
        image = _decode(data, container, how, need, stop)
    return OpenedImage(**{one.name: getattr(facts, one.name) for one in fields(facts)}, image=image)


def _decode(
    data: bytes, container: Container, how: Decoding, need: int, stop: Callable[[], bool]
) -> Image.Image:
    try:
        width, height = container.size
        if container.tame and width * height * container.scans <= MAX_SCANNED:
            return decode(container.encoded, how)
        # What a decoder of its own kind turns and colours is known to Pillow only.
        apart = how if container.tame else how._replace(orientation=None, icc=None)
        try:
            return decode_apart(container.encoded, apart, container.size, need, stop)
        except DecodingUnavailableError:  # as on systems that allow no second process
            return decode(container.encoded, apart)
    except (ImageRejectedError, DecodingStoppedError):
        raise
    except Image.DecompressionBombError as error:
        raise _bomb(how) from error
    except MemoryError as error:
        raise ImageRejectedError(
            "out-of-memory",
            "not enough memory to decode it: close other programs; the next run tries it again",
        ) from error
    except Exception as error:  # decoders raise whatever a damaged file makes them stumble over
        raise _failure(error, data, how.name) from error


def _too_large(
    container: Container, name: str, need: int, budget: MemoryBudget
) -> ImageRejectedError:
    width, height = container.size
    return ImageRejectedError(
        "out-of-memory",
        f"a {name} of {width:,} x {height:,} pixels takes {written(need)} to decode, and "
        f"{written(budget.total)} are free for that: close other programs, or scale it down; the "
        "next run tries it again",
    )


def _bomb(how: Decoding) -> ImageRejectedError:
    return ImageRejectedError(
        "too-many-pixels",
        f"a part of the {how.name} file has more pixels than the limit of {how.max_pixels:,}: if "
        "it is no bomb, index it with a larger --max-pixels",
    )


def _failure(error: Exception, data: bytes, name: str) -> ImageRejectedError:
    text = in_one_line(error)
    ended = isinstance(error, EOFError) or "truncated" in text.lower()
    why = "" if isinstance(error, UnidentifiedImageError) else text
    return unreadable(name, data, ended, why)
