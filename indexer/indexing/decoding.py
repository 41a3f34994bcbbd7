"""One file from disk to pixels and metadata, as a worker thread does it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from indexer.errors import ImageRejectedError
from indexer.images.files import read_file
from indexer.images.opening import DEFAULT_MAX_PIXELS, OpenedImage, open_image
from indexer.images.preprocess import Preprocess, apply
from indexer.paths import display
from indexer.records import READ_VERSION, FileRecord, ImageRecord, RejectRecord

LabelFrom = Literal["none", "parent"]
RecipeReader = Callable[[dict[str, str]], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of one file: a reject, a file of known content, or a new image.

    Attributes:
        reject: why the file cannot be indexed; then all else is ``None``.
        file: path and content.
        image: metadata of content that is new to the collection, or wanted again; its ``vectors``
            are still empty.
        pixels: (S, S, 3) uint8 for the encoder; ``None`` where only metadata was wanted.
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
        reread: those of ``known`` whose metadata is to be read again.
        unclassified: those of ``known`` whose pixels are needed after all, for the head's labels.
        label_from: ``parent`` takes the name of the file's folder as its label.
        max_pixels: images with more are rejected before they are decoded.
        read_recipe: reads a generator's recipe from an image's text metadata, or ``None``.
    """

    spec: Preprocess
    known: Collection[str]
    label_from: LabelFrom = "none"
    max_pixels: int = DEFAULT_MAX_PIXELS
    read_recipe: RecipeReader | None = None
    reread: Collection[str] = frozenset()
    unclassified: Collection[str] = frozenset()

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
                return self._known(file, content.data)
            opened = open_image(content.data, target=self.spec.target, max_pixels=self.max_pixels)
            pixels = apply(self.spec, opened.image)
        except ImageRejectedError as error:
            if error.reason == "missing":  # deleted since the scan: the next run knows it is gone
                return Prepared()
            reject = RejectRecord(path, size, mtime_ns, error.reason, error.detail)
            return Prepared(reject=reject)
        return Prepared(file=file, image=self._record(file, opened), pixels=pixels)

    def _known(self, file: FileRecord, data: bytes) -> Prepared:
        """A file of known content, with what is wanted of it again, if it can be had."""
        classify = file.content_hash in self.unclassified
        if not classify and file.content_hash not in self.reread:
            return Prepared(file=file)
        try:
            target = self.spec.target if classify else 1
            opened = open_image(data, target=target, max_pixels=self.max_pixels)
            pixels = apply(self.spec, opened.image) if classify else None
        except ImageRejectedError:
            return Prepared(file=file)
        return Prepared(file=file, image=self._record(file, opened), pixels=pixels)

    def _label(self, path: str) -> str | None:
        return folder_label(path) if self.label_from == "parent" else None

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
            # Without a reader of recipes not all was read: a run that has one looks again.
            read_version=READ_VERSION if self.read_recipe else None,
        )


def folder_label(path: str) -> str | None:
    """The name of a file's folder, as its label: the same text in every locale."""
    return display(os.path.basename(os.path.dirname(path))) or None
