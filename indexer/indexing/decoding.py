"""One file from disk to pixels and metadata, as a worker thread does it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import PurePath
from types import TracebackType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from indexer.errors import ImageRejectedError
from indexer.images.budget import SHARE_OF_FILES, MemoryBudget
from indexer.images.decoder_process import DecodingStoppedError, close_idle
from indexer.images.facts import Facts, read_facts
from indexer.images.files import FileBytes, read_file
from indexer.images.opening import DEFAULT_MAX_PIXELS, open_image
from indexer.images.preprocess import Preprocess, apply
from indexer.records import READ_VERSION, FileRecord, ImageRecord, RejectRecord

LabelFrom = Literal["none", "parent"]
RecipeReader = Callable[[dict[str, str]], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of one file: a reject, a file of known content, or an image.

    Nothing at all is said of a file that went away, or whose decoding was stopped.

    Attributes:
        reject: why the file cannot be indexed; then all else is ``None``.
        file: path and content.
        image: metadata of content not yet in the collection, or in ``Preparer.outdated``; its
            ``vectors`` are still empty.
        pixels: (S, S, 3) uint8 for the encoder, together with a new ``image``; ``None`` beside an
            ``image`` that was only read again, whose vectors, predictions and id stay as they are.
    """

    reject: RejectRecord | None = None
    file: FileRecord | None = None
    image: ImageRecord | None = None
    pixels: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class Preparer:
    """Turns paths into ``Prepared``; safe to call from many threads.

    A context manager: leaving it stops what is still being decoded, so that whoever waits for the
    threads afterwards does not wait for a picture that nobody wants any more.

    Attributes:
        spec: the encoder's preprocessing.
        known: content hashes already in the collection: their pixels are not needed again.
        label_from: ``parent`` takes the name of the file's folder as its label.
        max_pixels: images with more are rejected before they are decoded.
        read_recipe: reads a generator's recipe from an image's text metadata, or ``None``.
        outdated: content hashes among ``known`` whose metadata an older ``READ_VERSION`` read, or
            none: it is read again, by ``images.facts.read_facts``, without decoding. If that
            cannot be done, the file is one of known content like any other.
        budget: bytes that decoding may take, all threads together.
        reading: bytes of files that may be held at once.
    """

    spec: Preprocess
    known: Collection[str]
    label_from: LabelFrom = "none"
    max_pixels: int = DEFAULT_MAX_PIXELS
    read_recipe: RecipeReader | None = None
    outdated: Collection[str] = frozenset()
    budget: MemoryBudget = field(default_factory=MemoryBudget.of_free_memory)
    reading: MemoryBudget = field(
        default_factory=lambda: MemoryBudget.of_free_memory(SHARE_OF_FILES)
    )
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)

    def __enter__(self) -> Preparer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        close_idle()

    def prepare(self, path: str, size: int, mtime_ns: int) -> Prepared:
        """Read, hash, decode and preprocess one file; a bad one becomes a reject, never an error.

        Args:
            path: as ``os.fsdecode`` gives it.
            size: bytes when it was found.
            mtime_ns: modification time when it was found.
        """
        try:
            # Decoding never waits for reading, so that the two budgets cannot wait for each other.
            with self.reading.hold(size):
                return self._read(path)
        except DecodingStoppedError:
            return Prepared()
        except ImageRejectedError as error:
            if error.reason == "missing":  # deleted since the scan: the next run knows it is gone
                return Prepared()
            reject = RejectRecord(path, size, mtime_ns, error.reason, error.detail)
            return Prepared(reject=reject)

    def _read(self, path: str) -> Prepared:
        if self._stopping.is_set():
            return Prepared()
        content = read_file(path)
        file = FileRecord(path, content.size, content.mtime_ns, content.sha256, self._label(path))
        if content.sha256 in self.known:
            return Prepared(file=file, image=self._read_again(content))
        opened = open_image(
            content.data,
            target=self.spec.target,
            max_pixels=self.max_pixels,
            budget=self.budget,
            stop=self._stopping.is_set,
        )
        pixels = apply(self.spec, opened.image, (opened.width, opened.height))
        return Prepared(file=file, image=self._record(content, opened), pixels=pixels)

    def _read_again(self, content: FileBytes) -> ImageRecord | None:
        if content.sha256 not in self.outdated:
            return None
        try:
            return self._record(content, read_facts(content.data))
        except ImageRejectedError:
            return None

    def _label(self, path: str) -> str | None:
        if self.label_from == "none":
            return None
        return PurePath(path).parent.name or None

    def _record(self, content: FileBytes, facts: Facts) -> ImageRecord:
        recipe = self.read_recipe(facts.info) if self.read_recipe else None
        return ImageRecord(
            content_hash=content.sha256,
            width=facts.width,
            height=facts.height,
            format=facts.format,
            bytes=content.size,
            taken_at=facts.taken_at,
            camera=facts.camera,
            latitude=facts.latitude,
            longitude=facts.longitude,
            rating=facts.rating,
            keywords=facts.keywords,
            generated=recipe is not None,
            recipe=recipe,
            vectors={},
            read_version=READ_VERSION,
        )
