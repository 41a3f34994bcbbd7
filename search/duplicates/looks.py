"""What is held of an image to compare it with others: small colours, and corners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vitrail.search.duplicates.frames import Rectangle, without_frame
from vitrail.search.duplicates.gists import PackedGists, gist_of, packed_gists
from vitrail.search.duplicates.keypoints import LONGEST, Keypoints, find_keypoints


@dataclass(frozen=True, slots=True)
class Look:
    """An image, small; some 100 KB.

    Attributes:
        luma: (H, W) uint8 brightness, the longer side of ``LONGEST`` pixels.
        chroma: (ceil(H / 2), ceil(W / 2), 2) uint8, blue and red less brightness as in a JPEG.
        keypoints: of the brightness.
        size: (width, height) of the upright image itself.
        gist: (24, 24) float32, greys of mean 0 and length 1; zeros of a blank image.
        inner: the part of the image, in its small pixels, that is no plain frame around the rest.
        packed: what is held of every image, and of parts that may be images of their own.
    """

    luma: NDArray[np.uint8]
    chroma: NDArray[np.uint8]
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
        parts = (Image.fromarray(np.ascontiguousarray(self.chroma[..., i])) for i in range(2))
        large = (part.resize(self.frame, Image.Resampling.BILINEAR) for part in parts)
        merged = Image.merge("YCbCr", (Image.fromarray(self.luma), *large))
        return np.asarray(merged.convert("RGB"), np.float32) / np.float32(255)

    @property
    def brightness(self) -> NDArray[np.float32]:
        """(H, W) float32 in [0, 1]."""
        return _brightness(self.luma)

    @property
    def frame(self) -> tuple[int, int]:
        """(width, height) of the small pixels."""
        return self.luma.shape[1], self.luma.shape[0]


def look_at(image: Image.Image, size: tuple[int, int]) -> Look:
    """Make the look of an upright RGB image, which may have been decoded smaller than its size."""
    share = LONGEST / max(image.size)
    width, height = (max(1, round(side * share)) for side in image.size)
    small = image.resize((width, height), Image.Resampling.BICUBIC).convert("YCbCr")
    luma, *tints = small.split()
    half = (width + 1) // 2, (height + 1) // 2
    chroma = [np.asarray(tint.resize(half, Image.Resampling.BOX)) for tint in tints]
    pixels = np.asarray(luma)
    brightness = _brightness(pixels)
    return Look(
        pixels,
        np.stack(chroma, axis=-1),
        find_keypoints(brightness),
        size,
        gist_of(brightness),
        without_frame(brightness),
        packed_gists(brightness),
    )


def _brightness(luma: NDArray[np.uint8]) -> NDArray[np.float32]:
    return luma.astype(np.float32) / np.float32(255)
