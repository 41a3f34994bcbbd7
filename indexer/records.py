"""Plain records that travel from the pipeline into the collection."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

READ_VERSION = 1
"""Counts up whenever more is read from files; images read by an older one are looked at again."""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One distinct picture (by content), with what was computed from it.

    Attributes:
        content_hash: sha256 (hex) of the file's bytes.
        width: upright width in pixels of the original.
        height: upright height in pixels of the original.
        format: Pillow's name of the format, such as ``JPEG``.
        bytes: size of the file.
        taken_at: EXIF date, naive local time.
        camera: EXIF make and model.
        generated: made by a generator, as far as its metadata tells.
        recipe: what made it, as plain JSON types (``generator.recipes.Recipe.to_dict``), or None.
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
        mtime_ns: modification time in nanoseconds; -1 when the file was missing last time, so that
            it counts as changed once it is back.
        content_hash: sha256 (hex) of the content, or ``None`` for a rejected file.
    """

    size: int
    mtime_ns: int
    content_hash: str | None


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

    ``files`` may name content that is in ``images`` of the same batch or already in the collection.
    ``ids`` may name the id that an image's content shall have, above all that the collection has
    given so far; the others get the next ones.
    """

    images: list[ImageRecord] = field(default_factory=list)
    files: list[FileRecord] = field(default_factory=list)
    rejects: list[RejectRecord] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
