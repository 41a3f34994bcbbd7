"""One file from disk to pixels and metadata, as a worker thread does it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images.budget import SHARE_OF_FILES, MemoryBudget
from vitrail.indexer.images.decoder_process import DecodingStoppedError, close_idle
from vitrail.indexer.images.facts import Facts, read_facts
from vitrail.indexer.images.files import read_file
from vitrail.indexer.images.opening import DEFAULT_MAX_PIXELS, OpenedImage, open_image
from vitrail.indexer.images.preprocess import Preprocess, apply
from vitrail.indexer.paths import display
from vitrail.indexer.recipes.foreign import read_recipe
from vitrail.indexer.records import READ_VERSION, FileRecord, ImageRecord, RejectRecord

LabelFrom = Literal["none", "parent"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of one file: a reject, a file of known content, or a new image.

    Nothing at all is said of a file that went away, or whose decoding was stopped.

    Attributes:
        reject: why the file cannot be indexed; then all else is ``None``.
        file: path and content.
        image: metadata of content that is new to the collection, or wanted again; its ``vectors``
            are still empty.
        pixels: (S, S, 3) uint8 for the encoder; ``None`` where only metadata was wanted.
        undecodable: of a file of known content whose pixels were wanted, its hash, and
            why they cannot be had.
    """

    reject: RejectRecord | None = None
    file: FileRecord | None = None
    image: ImageRecord | None = None
    pixels: NDArray[np.uint8] | None = None
    undecodable: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class DecodingLimits:
    """What all threads of a run share, whichever folders they work on.

    A context manager: leaving it stops what is still being decoded, so that whoever waits for the
    threads afterwards does not wait for an image that nobody wants any more.

    Attributes:
        budget: bytes that decoding may take.
        reading: bytes of files that may be held at once.
        stopping: set once nothing more is wanted.
    """

    budget: MemoryBudget = field(default_factory=MemoryBudget.of_free_memory)
    reading: MemoryBudget = field(
        default_factory=lambda: MemoryBudget.of_free_memory(SHARE_OF_FILES)
    )
    stopping: threading.Event = field(default_factory=threading.Event)

    def stopping_with(self, cancellation: Cancellation) -> Callable[[], bool]:
        """Whether to stop; a yes also ends what is being decoded.

        For whoever waits for the threads before this context is left.
        """

        def stopped() -> bool:
            if cancellation.cancelled:
                self.stopping.set()
            return self.stopping.is_set()

        return stopped

    def __enter__(self) -> DecodingLimits:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stopping.set()
        close_idle()


@dataclass(frozen=True, slots=True)
class Preparer:
    """Turns paths into ``Prepared``; safe to call from many threads.

    Attributes:
        spec: the encoder's preprocessing.
        known: content hashes already in the collection: their pixels are not needed again.
        reread: those of ``known`` whose metadata is to be read again, by
            ``images.facts.read_facts`` and so without decoding; where that cannot be done, the
            file is one of known content like any other.
        unclassified: those of ``known`` whose pixels are needed after all, for the head's labels.
        label_from: ``parent`` takes the name of the file's folder as its label.
        max_pixels: images with more are rejected before they are decoded.
        limits: shared by all preparers of a run.
    """

    spec: Preprocess
    known: Collection[str]
    label_from: LabelFrom = "none"
    max_pixels: int = DEFAULT_MAX_PIXELS
    reread: Collection[str] = frozenset()
    unclassified: Collection[str] = frozenset()
    limits: DecodingLimits = field(default_factory=DecodingLimits)

    def prepare(self, path: str, size: int, mtime_ns: int) -> Prepared:
        """Read, hash, decode and preprocess one file; a bad one becomes a reject, never an error.

        Args:
            path: as ``os.fsdecode`` gives it.
            size: bytes when it was found.
            mtime_ns: modification time when it was found.
        """
        try:
            # Decoding never waits for reading, so that the two budgets cannot wait for each other.
            with self.limits.reading.hold(size):
                return self._read(path)
        except DecodingStoppedError:
            return Prepared()
        except ImageRejectedError as error:
            if error.reason == "missing":  # deleted since the scan: the next run knows it is gone
                return Prepared()
            reject = RejectRecord(path, size, mtime_ns, error.reason, error.detail)
            return Prepared(reject=reject)

    def _read(self, path: str) -> Prepared:
        if self.limits.stopping.is_set():
            return Prepared()
        content = read_file(path)
        file = FileRecord(path, content.size, content.mtime_ns, content.sha256, self._label(path))
        if content.sha256 in self.known:
            return self._known(file, content.data)
        opened, pixels = self._decode(content.data)
        return Prepared(file=file, image=self._record(file, opened), pixels=pixels)

    def _decode(self, data: bytes) -> tuple[OpenedImage, NDArray[np.uint8]]:
        opened = open_image(
            data,
            target=self.spec.target,
            max_pixels=self.max_pixels,
            budget=self.limits.budget,
            stop=self.limits.stopping.is_set,
        )
        return opened, apply(self.spec, opened.image, (opened.width, opened.height))

    def _known(self, file: FileRecord, data: bytes) -> Prepared:
        """A file of known content, with what is wanted of it again, if it can be had."""
        classify = file.content_hash in self.unclassified
        if not classify and file.content_hash not in self.reread:
            return Prepared(file=file)
        try:
            facts, pixels = self._decode(data) if classify else (read_facts(data), None)
        except ImageRejectedError as error:
            reason = (file.content_hash, error.reason) if classify else None
            return Prepared(file=file, undecodable=reason)
        return Prepared(file=file, image=self._record(file, facts), pixels=pixels)

    def _label(self, path: str) -> str | None:
        return folder_label(path) if self.label_from == "parent" else None

    def _record(self, file: FileRecord, facts: Facts) -> ImageRecord:
        recipe = read_recipe(facts.info)
        return ImageRecord(
            content_hash=file.content_hash,
            width=facts.width,
            height=facts.height,
            format=facts.format,
            bytes=file.size,
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


def folder_label(path: str) -> str | None:
    """The name of a file's folder, as its label: the same text in every locale."""
    return display(os.path.basename(os.path.dirname(path))) or None
