"""An encoder that threads share: what is asked while a batch runs is run together next."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitrail.indexer.encoders.base import Encoded, Encoder, PatchTokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vitrail.indexer.fingerprint import Fingerprint
    from vitrail.indexer.images.preprocess import Preprocess
    from vitrail.indexer.spaces import EmbeddingSpace


# Images. On a processor more at once take hardly less time each, and all would wait for the last;
# beside a GPU decoding is what takes the time.
_PIECE = 8
_LATELY = 10.0  # seconds


class GatheringEncoder:
    """Runs one batch at a time, of whatever threads have asked for meanwhile.

    A thread that asks alone waits for nobody: its images run at once. Those that ask while a batch
    runs would have to wait in any case, and share the next one, which takes less than one each.

    While few images are asked for now and then, many at once go through in pieces, and let them in
    between: a search need not wait for a whole batch of a run that indexes.

    Args:
        encoder: that does the work.
        most: images of a batch that is made of several; a caller's own may be larger.
        batches: counts them: images of a batch -> how many batches had so many.
    """

    def __init__(
        self, encoder: Encoder, *, most: int = _PIECE, batches: Counter[int] | None = None
    ) -> None:
        self._encoder, self._most = encoder, most
        self._batches = Counter[int]() if batches is None else batches
        self._running = threading.Lock()
        self._guard = threading.Lock()  # of what waits
        self._waiting: list[_Request] = []
        self._few_asked = -_LATELY

    @property
    def fingerprint(self) -> Fingerprint:
        """Identity of the vectors it makes."""
        return self._encoder.fingerprint

    @property
    def spaces(self) -> tuple[EmbeddingSpace, ...]:
        """The spaces it computes."""
        return self._encoder.spaces

    @property
    def preprocess(self) -> Preprocess:
        """How pixels are made for it."""
        return self._encoder.preprocess

    @property
    def image_size(self) -> int:
        """Side of its square input in pixels."""
        return self._encoder.image_size

    @property
    def labels(self) -> tuple[str, ...] | None:
        """Class names of the head, where it classifies."""
        return self._encoder.labels

    @property
    def runtime(self) -> str:
        """For people."""
        return self._encoder.runtime

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        """Embed (n, S, S, 3) uint8, perhaps in one batch with what other threads ask for.

        Raises:
            MemoryError: the images do not fit, not even by themselves.
        """
        now = time.monotonic()
        if len(pixels) <= _PIECE:
            self._few_asked = now
        elif now - self._few_asked < _LATELY:
            starts = range(0, len(pixels), _PIECE)
            return _joined([self._ask(pixels[start : start + _PIECE]) for start in starts])
        return self._ask(pixels)

    def _ask(self, pixels: NDArray[np.uint8]) -> Encoded:
        own = _Request(pixels)
        with self._guard:
            self._waiting.append(own)
        with self._running:
            while not own.done:
                self._run(self._take())
        return own.result()

    def patch_tokens(self, pixels: NDArray[np.uint8], layers: Sequence[int]) -> PatchTokens:
        """The tokens of single patches of (n, S, S, 3) uint8; errors as of the encoder's own."""
        return self._encoder.patch_tokens(pixels, layers)

    def _take(self) -> list[_Request]:
        """Who has waited longest, and as many more as fit into one batch."""
        with self._guard:
            taken = [self._waiting.pop(0)]
            images = len(taken[0].pixels)
            shape = taken[0].pixels.shape[1:]
            while self._waiting:
                following = self._waiting[0].pixels
                images += len(following)
                if images > self._most or following.shape[1:] != shape:
                    break
                taken.append(self._waiting.pop(0))
            return taken

    def _run(self, requests: list[_Request]) -> None:
        """Answer requests together; one by one where that fails, so that each has its own error."""
        try:
            if len(requests) > 1:
                self._run_together(requests)
            for one in requests:
                if not one.done:
                    one.run(self._encoder)
                    self._batches[len(one.pixels)] += 1
        finally:
            left = [one for one in requests if not one.done]
            if left:  # an interruption of this thread is not theirs
                with self._guard:
                    self._waiting[:0] = left

    def _run_together(self, requests: list[_Request]) -> None:
        try:
            rows = np.concatenate([one.pixels for one in requests])
            made = self._encoder.encode(rows)
        except Exception:
            return
        self._batches[len(rows)] += 1
        first = 0
        for one in requests:
            last = first + len(one.pixels)
            one.take(_rows(made, first, last))
            first = last


class _Request:
    """Images that a thread has asked for, and what came of them."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels = pixels
        self.done = False
        self._made: Encoded | None = None
        self._error: Exception | None = None

    def run(self, encoder: Encoder) -> None:
        """Answer it alone."""
        try:
            self._made = encoder.encode(self.pixels)
        except Exception as error:
            self._error = error
        self.done = True

    def take(self, made: Encoded) -> None:
        """Its share of a batch."""
        self._made, self.done = made, True

    def result(self) -> Encoded:
        """What came of it, or the error."""
        if self._error is not None:
            raise self._error
        assert self._made is not None
        return self._made


def _joined(parts: list[Encoded]) -> Encoded:
    """Pieces of a batch as one."""
    vectors = {
        name: np.concatenate([one.vectors[name] for one in parts]) for name in parts[0].vectors
    }
    logits = [one.logits for one in parts if one.logits is not None]
    return Encoded(vectors, np.concatenate(logits) if logits else None)


def _rows(made: Encoded, first: int, last: int) -> Encoded:
    """Some rows of a batch, as arrays of their own."""
    vectors = {name: rows[first:last].copy() for name, rows in made.vectors.items()}
    logits = None if made.logits is None else made.logits[first:last].copy()
    return Encoded(vectors, logits)
