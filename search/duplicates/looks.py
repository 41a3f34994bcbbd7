"""What is held of an image to compare it with others: small colours, and corners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vitrail.search.duplicates.frames import Rectangle, without_frame
from vitrail.search.duplicates.gists import PackedGists, gist_of, packed_gists
from vitrail.search.duplicates.keypoints import LONGEST, Keypoints, find_keypoints
from vitrail.search.duplicates.overlay import grey


@dataclass(frozen=True, slots=True)
class Look:
    """An image, small; some 300 KB.

    Attributes:
        pixels: (H, W, 3) uint8, the longer side of ``LONGEST`` pixels.
        keypoints: of these.
        size: (width, height) of the upright image itself.
        gist: (24, 24) float32, greys of mean 0 and length 1; zeros of a blank image.
        inner: the part of ``pixels`` that is no plain frame around the rest.
        packed: what is held of every image, and of parts that may be images of their own.
    """

    pixels: NDArray[np.uint8]
    keypoints: Keypoints
    size: tuple[int, int]
    gist: NDArray[np.float32]
    inner: Rectangle
    packed: PackedGists

    @property
    def content(self) -> float:
        """The share (0 to 1) of the image that is no plain frame around the rest."""
        width, height = self.frame
        return self.inner.area / (width * height)

    @property
    def blank(self) -> bool:
        """Whether its greys are so much alike that they tell nothing."""
        return not self.gist.any()

    @property
    def colours(self) -> NDArray[np.float32]:
        """(H, W, 3) float32 in [0, 1]."""
        return self.pixels.astype(np.float32) / np.float32(255)

    @property
    def brightness(self) -> NDArray[np.float32]:
        """(H, W) float32 in [0, 1]."""
        return grey(self.colours)

    @property
    def frame(self) -> tuple[int, int]:
        """(width, height) of ``pixels``."""
        return self.pixels.shape[1], self.pixels.shape[0]


def look_at(image: Image.Image, size: tuple[int, int]) -> Look:
    """Make the look of an upright RGB image, which may have been decoded smaller than its size."""
    share = LONGEST / max(image.size)
    width, height = (max(1, round(side * share)) for side in image.size)
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    brightness = grey(pixels.astype(np.float32) / np.float32(255))
    inner = without_frame(brightness)
    return Look(
        pixels,
        find_keypoints(brightness),
        size,
        gist_of(brightness),
        inner,
        packed_gists(brightness),
    )
