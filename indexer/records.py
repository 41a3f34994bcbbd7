"""Plain records that travel from the pipeline into the collection."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

READ_VERSION = 1
"""Counts up whenever more is read from files; images read by an older one are looked at again."""

DEEPEST_RECIPE = 128
"""Levels of a stored recipe; what is read out of files has at most 100, in one of our own."""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One distinct image (by content), with what was computed from it.

    Attributes:
        content_hash: sha256 (hex) of the file's bytes.
        width: upright width in pixels of the original.
        height: upright height in pixels of the original.
        format: Pillow's name of the format, such as ``JPEG``.
        bytes: size of the file.
        taken_at: EXIF date, naive local time.
        camera: EXIF make and model.
        generated: made by a generator, as far as its metadata tells.
        recipe: what made it, as plain JSON types (``recipes.recipe.Recipe.to_dict``), or None.
        vectors: space name -> (dim,) float32, L2-normalised.
        predictions: (label, probability) of the checkpoint's head, best first; empty without one.
        latitude: degrees north, -90 to 90.
        longitude: degrees east, -180 to 180.
        rating: stars, 0 to 5; -1 is "rejected", as in XMP.
        keywords: as EXIF, IPTC and XMP have them, each once.
        read_version: the ``READ_VERSION`` that read all this, or ``None`` before there was one.
    """

    content_hash: str
    width: int
    height: int
    format: str
    bytes: int
    taken_at: datetime | None
    camera: str | None
    generated: bool
    recipe: dict[str, Any] | None
    vectors: dict[str, NDArray[np.float32]]
    predictions: tuple[tuple[str, float], ...] = ()
    latitude: float | None = None
    longitude: float | None = None
    rating: int | None = None
    keywords: tuple[str, ...] = ()
    read_version: int | None = None


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One path and the content found there.

    Attributes:
        path: absolute, as ``os.fsdecode`` gives it (undecodable bytes as surrogate escapes).
        size: bytes.
        mtime_ns: modification time in nanoseconds.
        content_hash: sha256 (hex) of the content.
        label: the user's label for it, such as the parent folder's name, or ``None``.
    """

    path: str
    size: int
    mtime_ns: int
    content_hash: str
    label: str | None = None


class KnownFile(NamedTuple):
    """What the collection remembers of a path.

    Attributes:
        size: bytes.
        mtime_ns: modification time in nanoseconds; -1 when it is to count as changed anyway.
        content_hash: sha256 (hex) of the content, or ``None`` for a rejected file.
        label: the label it was given.
        state: of its image; see ``FileState``.
        missing: whether the file was not there last time.
    """

    size: int
    mtime_ns: int
    content_hash: str | None
    label: str | None = None
    state: FileState = "live"
    missing: bool = False


FileState = Literal["live", "waiting", "removed", "rejected"]
"""``live``: searched; ``waiting``: hidden since its last file left, and kept for a while;
``removed``: taken out, so that the file brings nothing until it changes; ``rejected``: no image."""


@dataclass(frozen=True, slots=True)
class RejectRecord:
    """A file that could not be indexed, and why; retried when size, mtime or the cause change."""

    path: str
    size: int
    mtime_ns: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction of the indexer brings: all of it becomes visible, or none.

    Attributes:
        images: new images, with their vectors.
        files: paths whose content is in ``images`` of the same batch, or known to the collection
            already; content that was waiting comes back with them.
        rejects: files that could not be indexed.
        gone: paths that left the disk.
        missing: paths that left the disk, but whose images stay.
        seen: paths of removed files that had left the disk, and are there again as they were.
        excluded: paths that are on the disk, and shall not be in the collection any more.
        labels: path -> label, for files that are otherwise as they were.
        readings: images of known content, without vectors: their metadata read again.
        predictions: content hash -> labels of the head, for images that lacked them.
        ids: content hash -> id that an image shall have, above all that the collection has given
            so far; the others get the next ones.
    """

    images: list[ImageRecord] = field(default_factory=list)
    files: list[FileRecord] = field(default_factory=list)
    rejects: list[RejectRecord] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    labels: dict[str, str | None] = field(default_factory=dict)
    readings: list[ImageRecord] = field(default_factory=list)
    predictions: dict[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(getattr(self, name.name) for name in fields(self))
