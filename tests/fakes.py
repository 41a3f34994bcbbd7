"""Stand-ins whose results can be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vitrail.indexer.encoders.base import Encoded, PatchTokens
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.images.preprocess import Preprocess
from vitrail.indexer.spaces import EmbeddingSpace

SIDE = 8


class ColourEncoder:
    """Embeds a picture as its four quadrants' mean colours, less grey, of length 1.

    Attributes:
        sizes: the batch sizes it was called with.
        before: called with each batch before it is encoded; may raise.
    """

    def __init__(
        self, name: str = "colours", before: Callable[[int], None] = lambda _: None
    ) -> None:
        self.name = name
        self.before = before
        self.sizes: list[int] = []
        self.spaces: tuple[EmbeddingSpace, ...] = (EmbeddingSpace(layer=1, pooling="mean", dim=12),)
        self.preprocess = Preprocess(
            shortest_edge=None,
            size=(SIDE, SIDE),
            resample=int(Image.Resampling.BILINEAR),
            crop=None,
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
        )
        self.image_size = SIDE
        self.labels: tuple[str, ...] | None = None
        self.runtime = "by hand"

    @property
    def fingerprint(self) -> Fingerprint:
        return Fingerprint(self.name, self.name, self.preprocess.to_dict(), (("mean@1", 12),))

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        self.before(len(pixels))
        self.sizes.append(len(pixels))
        half = SIDE // 2
        blocks = pixels.reshape(-1, 2, half, 2, half, 3).mean(axis=(2, 4)).reshape(len(pixels), 12)
        rows = (blocks - 127.25).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return Encoded({"mean@1": rows}, None)

    def patch_tokens(self, pixels: NDArray[np.uint8], layers: Sequence[int]) -> PatchTokens:
        """Mean colours, less grey, of four by four patches; the same in each layer."""
        self.before(len(pixels))
        side = SIDE // 4
        colours = pixels.reshape(-1, 4, side, 4, side, 3).mean(axis=(2, 4))
        tokens = (colours - 127.25).astype(np.float32)
        return PatchTokens(dict.fromkeys(layers, tokens), side)


class LabellingEncoder(ColourEncoder):
    """Also tells dark pictures from light ones, as a classification head would."""

    def __init__(self) -> None:
        super().__init__("labelling")
        self.labels = ("dark", "light")

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        vectors = super().encode(pixels).vectors
        light = pixels.reshape(len(pixels), -1).mean(axis=1) / 255 - 0.5
        logits = np.stack([-10 * light, 10 * light], axis=1).astype(np.float32)
        return Encoded(vectors, logits)
