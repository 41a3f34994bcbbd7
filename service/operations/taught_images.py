"""The images that a generator was taught, as what it makes is held against them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """Taught images, embedded, and as the generator would draw them.

    A generator of latents knows images as its autoencoder has them, and who has learned one by
    heart draws what that leaves of it. A small one leaves so little of a fine pattern that no
    drawing would agree with the taught image itself.

    Args:
        encoder: that images are compared by.
        space: of it.
        squares: RGB, as they were learned from; 1 at least.
        redraw: gives what the generator's autoencoder leaves of a square.

    Attributes:
        space: that was given.
        rows: (m, dim) float32 unit rows of them.
    """

    def __init__(
        self,
        encoder: Encoder,
        space: str,
        squares: Sequence[Image.Image],
        redraw: Callable[[Image.Image], Image.Image],
    ) -> None:
        self._encoder, self.space = encoder, space
        self.rows = self.embed(squares)
        self._squares = squares
        self._redraw = redraw
        self._looks: dict[int, Look] = {}
        self._redrawn: dict[int, Look] = {}

    def embed(self, images: Sequence[Image.Image]) -> Floats:
        """(n, dim) float32 unit rows of images."""
        return embed_images(self._encoder, images)[self.space]

    def copied_by(self, image: Image.Image, row: Floats, without: int | None = None) -> float:
        """The largest share of an image's parts that agree with a taught one's, laid over it.

        Taught images count as they are, and as the generator would draw them.

        Args:
            image: RGB, as the generator draws.
            row: (dim,) float32, its unit row.
            without: place of a taught image that does not count.

        Returns:
            0 to 1.
        """
        nearest = self._nearest(row, without)
        return max(
            self._share(image, nearest, self._look), self._share(image, nearest, self._look_again)
        )

    def innocent(self, image: Image.Image) -> float | None:
        """What an image scores that is no copy of a taught one; ``None`` of one that is."""
        return self._innocent(image, self.embed([image])[0], None)

    def innocent_themselves(self) -> Doubles:
        """What those score that are no copies of another: the same subject, and another image."""
        scores = [self._innocent(one, self.rows[i], i) for i, one in enumerate(self._squares)]
        return np.array([one for one in scores if one is not None], np.float64)

    def _innocent(self, image: Image.Image, row: Floats, without: int | None) -> float | None:
        """As it is it tells whether it is a copy; what it scores is that of its like, drawn."""
        as_it_is = self._share(image, self._nearest(row, without), self._look)
        if as_it_is >= LEAST_AGREEING:
            return None
        drawn = self.copied_by(self._redraw(image), row, without)
        return max(as_it_is, drawn)

    def _nearest(self, row: Floats, without: int | None) -> list[int]:
        cosines = self.rows @ row
        if without is not None:
            cosines[without] = -np.inf
        nearest = np.argsort(-cosines, kind="stable")[: min(TRIED, len(self.rows))]
        return [i for i in nearest.tolist() if i != without]

    def _share(
        self, image: Image.Image, places: Sequence[int], look_of: Callable[[int], Look]
    ) -> float:
        look = look_at(image, image.size)
        looks = [look_of(place) for place in places]
        with one_thread():
            return max((agreement(one, look) for one in looks), default=0.0)

    def _look(self, place: int) -> Look:
        if place not in self._looks:
            square = self._squares[place]
            self._looks[place] = look_at(square, square.size)
        return self._looks[place]

    def _look_again(self, place: int) -> Look:
        """A taught image as the generator would draw it."""
        if place not in self._redrawn:
            redrawn = self._redraw(self._squares[place])
            self._redrawn[place] = look_at(redrawn, redrawn.size)
        return self._redrawn[place]
