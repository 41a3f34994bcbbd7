"""An encoder that is loaded when it first has something to embed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.encoders.base import Encoded, Encoder, PatchTokens
from vitrail.indexer.errors import FingerprintMismatchError
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.images.preprocess import Preprocess
from vitrail.indexer.spaces import EmbeddingSpace, space_of


class WaitingEncoder:
    """What a fingerprint tells of an encoder, and the encoder itself once it must work.

    A run over folders that finds nothing new never loads it, which takes seconds.

    Args:
        fingerprint: of the encoder that is expected.
        load: gives that encoder.
        labels: of its head, where it shall classify.
        on_load: called just before it is loaded.
    """

    def __init__(
        self,
        fingerprint: Fingerprint,
        load: Callable[[], Encoder],
        *,
        labels: tuple[str, ...] | None = None,
        on_load: Callable[[], None] = lambda: None,
    ) -> None:
        self._fingerprint, self._load, self._on_load = fingerprint, load, on_load
        self._loaded: Encoder | None = None
        self._loading = threading.Lock()
        self.labels = labels

    @property
    def fingerprint(self) -> Fingerprint:
        """The one expected; ``encode`` holds the loaded encoder to it."""
        return self._fingerprint

    @cached_property
    def spaces(self) -> tuple[EmbeddingSpace, ...]:
        """The fingerprint's spaces."""
        return tuple(space_of(name, dim) for name, dim in self._fingerprint.spaces)

    @cached_property
    def preprocess(self) -> Preprocess:
        """How pixels are made for it."""
        try:
            return Preprocess.from_dict(self._fingerprint.preprocess)
        except (KeyError, TypeError, ValueError):  # a stranger's, that no encoder of ours can have
            return self._encoder.preprocess

    @property
    def image_size(self) -> int:
        """Side of its square input in pixels."""
        return self.preprocess.image_size

    @property
    def runtime(self) -> str:
        """For people; loads the encoder."""
        return self._encoder.runtime

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        """Embed a batch, (n, S, S, 3) uint8; loads the encoder at the first.

        Raises:
            CheckpointError: the checkpoint cannot be had any more.
            FingerprintMismatchError: it is another one now; nothing was embedded.
            MemoryError: the batch does not fit.
        """
        return self._encoder.encode(pixels)

    def patch_tokens(self, pixels: NDArray[np.uint8], layers: Sequence[int]) -> PatchTokens:
        """The tokens of single patches of (n, S, S, 3) uint8; loads the encoder at the first.

        The errors are those of ``encode``, and of a layer that it does not run.
        """
        return self._encoder.patch_tokens(pixels, layers)

    @property
    def _encoder(self) -> Encoder:
        with self._loading:  # threads that come meanwhile wait for the one that is being loaded
            if self._loaded is None:
                self._loaded = self._load_expected()
            return self._loaded

    def _load_expected(self) -> Encoder:
        self._on_load()
        encoder = self._load()
        if not encoder.fingerprint.agrees(self._fingerprint):
            raise FingerprintMismatchError(
                "what was loaded makes other vectors than were expected: those of "
                f"{self._fingerprint.difference(encoder.fingerprint)}; bring the former checkpoint "
                "back, or change the collection's with `vitrail reembed`"
            )
        return encoder
