"""Prepared files into encoded batches, committed in the background while the next is encoded."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.encoders.base import Encoder
from indexer.encoders.batching import encode_resilient
from indexer.encoders.predictions import Predictions, top_labels
from indexer.indexing.decoding import Prepared
from indexer.records import Batch, FileRecord, ImageRecord, RejectRecord

COMMIT_IMAGES = 1024  # a kill loses at most this many pictures' work,
COMMIT_SECONDS = 15.0  # or this much time's, whichever is less
COMMIT_FILES = 8192  # files without new pictures that are committed at once


class BatchSink(Protocol):
    """Where committed batches go: a collection open for writing."""

    def commit(self, batch: Batch, *, keep_missing: bool = False) -> None:
        """Make all of the batch visible, or none of it."""


class Committer:
    """Encodes and commits what the decoders bring; a context manager.

    Leaving it normally or by an exception commits what has been encoded by then; what is still
    waiting for the encoder is encoded only on a normal exit.

    Args:
        sink: the collection.
        encoder: makes the vectors.
        batch_size: pictures a forward pass.
        keep_missing: passed on to the collection.
        on_commit: called with the number of pictures of each finished commit.
    """

    def __init__(
        self,
        sink: BatchSink,
        encoder: Encoder,
        *,
        batch_size: int,
        keep_missing: bool,
        on_commit: Callable[[int], None],
    ) -> None:
        self._sink = sink
        self._encoder = encoder
        self._batch_size = batch_size
        self._keep_missing = keep_missing
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

    def take(self, prepared: Prepared) -> bool:
        """Accept one file; may encode a batch and start a commit.

        Returns:
            Whether it brings a picture that is new to the collection and to this run.

        Raises:
            CollectionError: an earlier commit failed.
        """
        if prepared.reject is not None:
            self._batch.rejects.append(prepared.reject)
        if prepared.file is not None:
            self._files_waiting.append(prepared.file)
        fresh = False
        if prepared.image is not None and prepared.pixels is not None:
            fresh = self._take_image(prepared.image, prepared.pixels)
        if self._due():
            self._encode()
            self._start_commit()
        return fresh

    def reject(self, record: RejectRecord) -> None:
        """Note a file or folder that could not even be opened."""
        self._batch.rejects.append(record)

    def drop(self, paths: list[str]) -> None:
        """Note files that are gone from disk.

        They leave with the last commit, so that a moved picture is known at its new path first.
        """
        self._batch.gone.extend(paths)

    def _take_image(self, image: ImageRecord, pixels: NDArray[np.uint8]) -> bool:
        if image.content_hash in self._taken:  # the same bytes twice in one run
            return False
        self._taken.add(image.content_hash)
        self._waiting.append((image, pixels))
        if len(self._waiting) >= self._batch_size:
            self._encode()
        return True

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
                self._batch.images.append(
                    replace(image, vectors=vectors, predictions=predictions[row])
                )
        self._batch.files.extend(self._files_waiting)
        self._files_waiting = []

    def _due(self) -> bool:
        files = len(self._files_waiting) + len(self._batch.files) + len(self._batch.rejects)
        aged = time.monotonic() - self._last_commit >= COMMIT_SECONDS
        pictures = len(self._batch.images)
        return pictures >= COMMIT_IMAGES or files >= COMMIT_FILES or (aged and files > 0)

    def _start_commit(self) -> None:
        self._finish_commit()
        batch, self._batch = self._batch, Batch()
        self._last_commit = time.monotonic()
        if batch.images or batch.files or batch.rejects or batch.gone:
            self._commit = self._pool.submit(self._write, batch)

    def _write(self, batch: Batch) -> int:
        self._sink.commit(batch, keep_missing=self._keep_missing)
        return len(batch.images)

    def _finish_commit(self) -> None:
        commit, self._commit = self._commit, None
        if commit is not None:
            self._on_commit(commit.result())

    def _commit_failed(self) -> bool:
        return self._commit is not None and self._commit.exception() is not None
