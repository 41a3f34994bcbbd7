"""Prepared files into encoded batches, committed in the background while the next is encoded."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from types import TracebackType
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.encoders.batching import encode_resilient
from vitrail.indexer.encoders.predictions import Predictions, top_labels
from vitrail.indexer.indexing.decoding import Prepared
from vitrail.indexer.records import Batch, FileRecord, ImageRecord, RejectRecord

COMMIT_IMAGES = 1024  # a kill loses at most this many images' work,
COMMIT_SECONDS = 15.0  # or this much time's, whichever is less
COMMIT_FILES = 8192  # files without new images that are committed at once

Taken = Literal["new", "classified", "read", "nothing"]
"""What a file brought: a new image, labels or metadata of a known one, or neither."""


class BatchSink(Protocol):
    """Where committed batches go: a collection open for writing."""

    def commit(self, batch: Batch) -> None:
        """Make all of the batch visible, or none of it."""


class Committer:
    """Encodes and commits what the decoders bring; a context manager.

    Leaving it normally or by an exception commits what has been encoded by then; what is still
    waiting for the encoder is encoded only on a normal exit.

    Args:
        sink: the collection.
        encoder: makes the vectors.
        batch_size: images a forward pass.
        known: content hashes of the collection: of these only labels and metadata are wanted.
        on_commit: called with the number of images of each finished commit.
    """

    def __init__(
        self,
        sink: BatchSink,
        encoder: Encoder,
        *,
        batch_size: int,
        known: Collection[str] = frozenset(),
        on_commit: Callable[[int], None],
    ) -> None:
        self._sink = sink
        self._encoder = encoder
        self._batch_size = batch_size
        self._known = known
        self._on_commit = on_commit
        self._waiting: list[tuple[ImageRecord, NDArray[np.uint8]]] = []
        self._files_waiting: list[FileRecord] = []
        self._taken: set[str] = set()
        self._batch = Batch()
        self._last_commit = time.monotonic()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._commit: Future[int] | None = None

    def __enter__(self) -> Committer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._encode()
            if error is None or not self._commit_failed():
                self._start_commit()
                self._finish_commit()
        finally:
            self._pool.shutdown(wait=True)

    def take(self, prepared: Prepared) -> Taken:
        """Accept one file; may encode a batch and start a commit.

        Raises:
            CollectionError: an earlier commit failed.
        """
        if prepared.reject is not None:
            self._batch.rejects.append(prepared.reject)
        if prepared.file is not None:
            self._files_waiting.append(prepared.file)
        taken = self._take_image(prepared.image, prepared.pixels)
        if self._due():
            self._encode()
            self._start_commit()
        return taken

    def reject(self, record: RejectRecord) -> None:
        """Note a file or folder that could not even be opened."""
        self._batch.rejects.append(record)

    def leave(
        self,
        *,
        gone: Iterable[str] = (),
        missing: Iterable[str] = (),
        excluded: Iterable[str] = (),
    ) -> None:
        """Note paths that leave; see ``records.Batch``.

        They leave with the last commit, so that a moved image is known at its new path first.
        """
        self._batch.gone.extend(gone)
        self._batch.missing.extend(missing)
        self._batch.excluded.extend(excluded)

    def see(self, paths: Iterable[str]) -> None:
        """Note that removed files are on the disk again, and are to stay removed."""
        self._batch.seen.extend(paths)

    def relabel(self, labels: Mapping[str, str | None]) -> None:
        """Give known files other labels."""
        self._batch.labels.update(labels)

    def _take_image(self, image: ImageRecord | None, pixels: NDArray[np.uint8] | None) -> Taken:
        if image is None or image.content_hash in self._taken:  # the same bytes twice in one run
            return "nothing"
        self._taken.add(image.content_hash)
        if pixels is None:
            self._batch.readings.append(image)
            return "read"
        self._waiting.append((image, pixels))
        if len(self._waiting) >= self._batch_size:
            self._encode()
        return "classified" if image.content_hash in self._known else "new"

    def _encode(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            pixels = np.stack([item for _, item in waiting])
            encoded = encode_resilient(self._encoder, pixels)
            predictions: Sequence[Predictions] = [()] * len(waiting)
            if encoded.logits is not None and self._encoder.labels is not None:
                predictions = top_labels(encoded.logits, self._encoder.labels)
            for row, (image, _) in enumerate(waiting):
                vectors = {space: values[row] for space, values in encoded.vectors.items()}
                self._add(replace(image, vectors=vectors, predictions=predictions[row]))
        self._batch.files.extend(self._files_waiting)
        self._files_waiting = []

    def _add(self, image: ImageRecord) -> None:
        if image.content_hash not in self._known:
            self._batch.images.append(image)
            return
        self._batch.predictions[image.content_hash] = image.predictions
        if image.read_version is not None:
            self._batch.readings.append(image)

    def _due(self) -> bool:
        batch = self._batch
        files = len(self._files_waiting) + len(batch.files) + len(batch.rejects)
        files += len(batch.readings) + len(batch.predictions)
        aged = time.monotonic() - self._last_commit >= COMMIT_SECONDS
        images = len(self._batch.images)
        return images >= COMMIT_IMAGES or files >= COMMIT_FILES or (aged and files > 0)

    def _start_commit(self) -> None:
        self._finish_commit()
        batch, self._batch = self._batch, Batch()
        self._last_commit = time.monotonic()
        if batch:
            # Whoever looks on here does so there, too.
            self._commit = self._pool.submit(copy_context().run, self._write, batch)

    def _write(self, batch: Batch) -> int:
        self._sink.commit(batch)
        return len(batch.images)

    def _finish_commit(self) -> None:
        commit, self._commit = self._commit, None
        if commit is not None:
            self._on_commit(commit.result())

    def _commit_failed(self) -> bool:
        return self._commit is not None and self._commit.exception() is not None
