"""The images that a generator was taught, as what it makes is held against them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.vectors.one_thread import one_thread
from vitrail.search.duplicates.evidence import LEAST_AGREEING, agreement
from vitrail.search.duplicates.looks import Look, look_at
from vitrail.search.images import embed_images
from vitrail.service.operations.audit_sample import TRIED

if TYPE_CHECKING:
    from PIL import Image

    from vitrail.indexer.encoders.base import Encoder

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


class TaughtImages:
    """Taught images, embedded.

    Args:
        encoder: that images are compared by.
        space: of it.
        squares: RGB, as they were learned from; 1 at least.

    Attributes:
        space: that was given.
        rows: (m, dim) float32 unit rows of them.
    """

    def __init__(self, encoder: Encoder, space: str, squares: Sequence[Image.Image]) -> None:
        self._encoder, self.space = encoder, space
        self.rows = self.embed(squares)
        self._squares = squares
        self._looks: dict[int, Look] = {}

    def embed(self, images: Sequence[Image.Image]) -> Floats:
        """(n, dim) float32 unit rows of images."""
        return embed_images(self._encoder, images)[self.space]

    def copied_by(self, image: Image.Image, row: Floats, without: int | None = None) -> float:
        """The largest share of an image's parts that agree with a taught one's, laid over it.

        Args:
            image: RGB.
            row: (dim,) float32, its unit row.
            without: place of a taught image that does not count.

        Returns:
            0 to 1.
        """
        cosines = self.rows @ row
        if without is not None:
            cosines[without] = -np.inf
        nearest = np.argsort(-cosines, kind="stable")[: min(TRIED, len(self.rows))]
        look = look_at(image, image.size)
        with one_thread():
            shares = [agreement(self._look(i), look) for i in nearest.tolist() if i != without]
        return max(shares, default=0.0)

    def innocent(self, image: Image.Image) -> float | None:
        """What an image scores that is no copy of a taught one; ``None`` of one that is."""
        share = self.copied_by(image, self.embed([image])[0])
        return share if share < LEAST_AGREEING else None

    def innocent_themselves(self) -> Doubles:
        """What those score that are no copies of another: the same subject, and another image."""
        shares = np.array(
            [self.copied_by(square, self.rows[i], i) for i, square in enumerate(self._squares)]
        )
        innocent: Doubles = shares[shares < LEAST_AGREEING]
        return innocent

    def _look(self, place: int) -> Look:
        if place not in self._looks:
            square = self._squares[place]
            self._looks[place] = look_at(square, square.size)
        return self._looks[place]
