"""One file from disk to pixels and metadata, as a worker thread does it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from indexer.errors import ImageRejectedError
from indexer.images.files import read_file
from indexer.images.opening import DEFAULT_MAX_PIXELS, OpenedImage, open_image
from indexer.images.preprocess import Preprocess, apply
from indexer.records import FileRecord, ImageRecord, RejectRecord

LabelFrom = Literal["none", "parent"]
RecipeReader = Callable[[dict[str, str]], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of one file: a reject, a file of known content, or a new image.

    Attributes:
        reject: why the file cannot be indexed; then all else is ``None``.
        file: path and content.
        image: metadata of content not yet in the collection, its ``vectors`` still empty.
        pixels: (S, S, 3) uint8 for the encoder, together with ``image``.
    """

    reject: RejectRecord | None = None
    file: FileRecord | None = None
    image: ImageRecord | None = None
    pixels: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class Preparer:
    """Turns paths into ``Prepared``; safe to call from many threads.

    Attributes:
        spec: the encoder's preprocessing.
        known: content hashes already in the collection: their pixels are not needed again.
        label_from: ``parent`` takes the name of the file's folder as its label.
        max_pixels: images with more are rejected before they are decoded.
        read_recipe: reads a generator's recipe from an image's text metadata, or ``None``.
    """

    spec: Preprocess
    known: Collection[str]
    label_from: LabelFrom = "none"
    max_pixels: int = DEFAULT_MAX_PIXELS
    read_recipe: RecipeReader | None = None

    def prepare(self, path: str, size: int, mtime_ns: int) -> Prepared:
        """Read, hash, decode and preprocess one file; a bad one becomes a reject, never an error.

        Args:
            path: as ``os.fsdecode`` gives it.
            size: bytes when it was found.
            mtime_ns: modification time when it was found.
        """
        try:
            content = read_file(path)
            file = FileRecord(
                path, content.size, content.mtime_ns, content.sha256, self._label(path)
            )
            if content.sha256 in self.known:
                return Prepared(file=file)
            opened = open_image(content.data, target=self.spec.target, max_pixels=self.max_pixels)
            pixels = apply(self.spec, opened.image)
        except ImageRejectedError as error:
            if error.reason == "missing":  # deleted since the scan: the next run knows it is gone
                return Prepared()
            reject = RejectRecord(path, size, mtime_ns, error.reason, error.detail)
            return Prepared(reject=reject)
        return Prepared(file=file, image=self._record(file, opened), pixels=pixels)

    def _label(self, path: str) -> str | None:
        if self.label_from == "none":
            return None
        return PurePath(path).parent.name or None

    def _record(self, file: FileRecord, opened: OpenedImage) -> ImageRecord:
        recipe = self.read_recipe(opened.info) if self.read_recipe else None
        return ImageRecord(
            content_hash=file.content_hash,
            width=opened.width,
            height=opened.height,
            format=opened.format,
            bytes=file.size,
            taken_at=opened.taken_at,
            camera=opened.camera,
            generated=recipe is not None,
            recipe=recipe,
            vectors={},
        )
