"""What an encoder is, whichever runtime it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # what loads settings loads this file too, and is to stay light
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from vitrail.indexer.fingerprint import Fingerprint
    from vitrail.indexer.images.preprocess import Preprocess
    from vitrail.indexer.spaces import EmbeddingSpace


@dataclass(frozen=True, slots=True)
class Encoded:
    """One batch's result.

    Attributes:
        vectors: space name -> (n, dim) float32, rows L2-normalised.
        logits: (n, classes) float32 from the checkpoint's head, or ``None``.
    """

    vectors: dict[str, NDArray[np.float32]]
    logits: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True)
class PatchTokens:
    """What an encoder makes of each patch of a batch of images, before any pooling.

    Attributes:
        layers: layer -> (n, gh, gw, dim) float32, patches row by row from the upper left; without
            class and register tokens. The last layer is taken after the final LayerNorm.
        side: of a patch in pixels of the encoder's input; gw patches may cover less than the whole.
    """

    layers: dict[int, NDArray[np.float32]]
    side: int


class Encoder(Protocol):
    """Images to vectors; all spaces in one forward pass."""

    @property
    def fingerprint(self) -> Fingerprint:
        """Identity of the vectors it makes."""

    @property
    def spaces(self) -> tuple[EmbeddingSpace, ...]:
        """The spaces it computes, in the fingerprint's order."""

    @property
    def preprocess(self) -> Preprocess:
        """How pixels are made for it."""

    @property
    def image_size(self) -> int:
        """S, the side of its square input in pixels."""

    @property
    def labels(self) -> tuple[str, ...] | None:
        """Class names of the head when it was loaded with ``classify=True``, else ``None``."""

    @property
    def runtime(self) -> str:
        """For people, such as ``openvino f32 (CPU)``."""

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        """Embed a batch; any number of threads may do so at once.

        Each gets what it would get alone: the runtime works on several batches at once, or lets
        one after the other in. The arrays are the caller's own; no later call writes to them.

        Args:
            pixels: (n, S, S, 3) uint8, RGB, made by ``vitrail.indexer.images.preprocess``; not
                changed.

        Raises:
            MemoryError: the batch does not fit; the caller may halve it and try again.
        """

    def patch_tokens(self, pixels: NDArray[np.uint8], layers: Sequence[int]) -> PatchTokens:
        """The tokens of single patches, to tell where images are alike; as many threads as ask.

        What it takes beyond ``encode`` is loaded at the first call.

        Args:
            pixels: (n, S, S, 3) uint8, as of ``encode``.
            layers: 0 for the patch embedding, 1..L for the blocks, none deeper than the deepest
                layer of ``spaces``.

        Raises:
            InputError: a layer that this encoder does not run.
            MemoryError: the batch does not fit; the caller may halve it and try again.
        """


@dataclass(frozen=True, slots=True)
class EncodedTexts:
    """Texts in the space that images are compared with them in.

    Attributes:
        vectors: (n, dim) float32, rows L2-normalised.
        cut: of each text, whether it was longer than the tower reads, and its end was not heard.
    """

    vectors: NDArray[np.float32]
    cut: tuple[bool, ...]


class TextEncoder(Protocol):
    """Texts to vectors of the space ``proj`` of the same checkpoint's images."""

    @property
    def weights(self) -> str:
        """Sha256 (hex) of the checkpoint's weights, as in its fingerprint."""

    @property
    def longest(self) -> int:
        """How many tokens of a text are heard."""

    def embed(self, texts: Sequence[str]) -> EncodedTexts:
        """Embed n texts, at least one; any number of threads may do so at once.

        Raises:
            MemoryError: they do not fit.
        """
