"""What a file says about its image, without decoding it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images import appraisal, formats, metadata
from vitrail.indexer.images.containers import Container, take_apart
from vitrail.indexer.images.exif import Tag, Tags, read_tags
from vitrail.indexer.images.position import read_position
from vitrail.indexer.images.xmp import Xmp, read_xmp


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says about its image.

    Attributes:
        width: of the upright original, in pixels.
        height: of the upright original, in pixels.
        format: Pillow's name of the format, such as ``JPEG``.
        taken_at: EXIF date, naive local time.
        camera: EXIF make and model.
        latitude: degrees north, -90 to 90; ``None`` together with ``longitude``.
        longitude: degrees east, -180 to 180.
        rating: stars, 0 to 5, or -1 for "rejected"; ``None`` where nobody rated it.
        keywords: of XMP, IPTC and Windows, each once.
        info: text metadata by name; see ``vitrail.indexer.images.metadata.read_text``.
    """

    width: int
    height: int
    format: str
    taken_at: datetime | None
    camera: str | None
    latitude: float | None
    longitude: float | None
    rating: int | None
    keywords: tuple[str, ...]
    info: dict[str, str]


def read_facts(data: bytes) -> Facts:
    """Read what a file's header and metadata say; no pixel is decoded, no decoder is loaded.

    For contents that a collection holds already and whose metadata an older version read: the
    facts are the same that ``open_image`` gives of the same bytes. Of a file that is not known to
    be an image they prove nothing about its pixels, which may be damaged.

    It takes time in proportion to the file's size, a few milliseconds of a usual one, and little
    more memory than the file. May be called from many threads.

    Args:
        data: all bytes of the file; PNG texts and WebP metadata may stand at its end.

    Raises:
        ImageRejectedError: ``empty``, ``not-an-image``, ``truncated``, ``broken`` or
            ``too-costly``.
    """
    name = sniff(data)
    return gather(name, part(name, data))[0]


def sniff(data: bytes) -> str:
    """Pillow's name of a file's format.

    Raises:
        ImageRejectedError: ``empty`` or ``not-an-image``.
    """
    if not data:
        raise ImageRejectedError(
            "empty", "the file has no bytes: copy it anew from where it came from"
        )
    name = formats.sniff(data[: formats.HEAD])
    if name is None:
        raise ImageRejectedError(
            "not-an-image",
            "its content is of no supported image format, whatever its name says: convert it, or "
            "leave it out with --exclude",
        )
    return name


def told_by_header(data: bytes, tells: Callable[[str, bytes], bool]) -> bool:
    """What a file's header answers to a question; ``False`` where it makes no sense.

    Args:
        data: all bytes of the file; any bytes will do.
        tells: given Pillow's name of its format, and the bytes.
    """
    try:
        return tells(sniff(data), data)
    except (ImageRejectedError, ValueError, IndexError, struct.error):
        return False


def part(name: str, data: bytes) -> Container:
    """The file taken apart.

    Raises:
        ImageRejectedError: ``truncated``, ``broken`` or ``too-costly``.
    """
    try:
        return take_apart(name, data)
    except (ValueError, IndexError, struct.error) as error:
        raise unreadable(name, data, isinstance(error, IndexError)) from error


def gather(name: str, container: Container) -> tuple[Facts, int]:
    """The facts of a file that was taken apart, and its orientation (1 to 8) as EXIF counts it."""
    tags = read_tags(container.exif)
    xmp = read_xmp(container.xmp)
    orientation = _orientation(container, tags, xmp)
    width, height = container.size if orientation < 5 else container.size[::-1]
    latitude, longitude = read_position(tags.gps, xmp.values)
    facts = Facts(
        width=width,
        height=height,
        format=name,
        taken_at=metadata.taken_at(tags.main),
        camera=metadata.camera(tags.main),
        latitude=latitude,
        longitude=longitude,
        rating=appraisal.read_rating(tags.main, xmp.values),
        keywords=appraisal.read_keywords(tags.main, xmp, container.iptc),
        info=metadata.read_text(container, tags.main),
    )
    return facts, orientation


def _orientation(container: Container, tags: Tags, xmp: Xmp) -> int:
    if container.orientation is not None:
        return container.orientation
    found = tags.main.get(Tag.ORIENTATION, xmp.values.get("orientation", 1))
    return int(found) if str(found) in ("1", "2", "3", "4", "5", "6", "7", "8") else 1


def unreadable(name: str, data: bytes, ended: bool, why: str = "") -> ImageRejectedError:
    """The reject of a file that its format's reader stumbles over.

    Args:
        name: Pillow's name of the format.
        data: all bytes of the file.
        ended: the reader met the file's end.
        why: what it said, where nothing better is known.
    """
    if ended or formats.is_cut(name, data):
        return ImageRejectedError(
            "truncated", f"the {name} file ends too early: copy or download it again"
        )
    told = f" ({why})" if why else ", its header makes no sense"
    return ImageRejectedError(
        "broken", f"the {name} file is damaged{told}: restore it, or save it anew"
    )
