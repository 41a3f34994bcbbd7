"""Pure preprocessing: an upright RGB image to the (S, S, 3) uint8 pixels a checkpoint wants."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAX_RESIZED_PIXELS = 1 << 26
"""Above this (200 MB) only what the crop keeps is resized.

An image of 1 x 60,000 pixels whose shorter edge is brought to 256 would have 4 billion pixels.
"""


@dataclass(frozen=True, slots=True)
class Preprocess:
    """What a checkpoint's own Pillow processor does before rescaling and normalising.

    Attributes:
        shortest_edge: resize so that the shorter side has this length (``None``: use ``size``).
        size: resize to exactly (height, width) (``None``: use ``shortest_edge``); both ``None``:
            do not resize.
        resample: Pillow's resampling filter number.
        crop: centre crop to (height, width) after the resize, or ``None``.
        mean: per channel, subtracted after dividing by 255.
        std: per channel, divided by last.
    """

    shortest_edge: int | None
    size: tuple[int, int] | None
    resample: int
    crop: tuple[int, int] | None
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def image_size(self) -> int:
        """S, the side of the square output in pixels; 0 when the spec makes no square."""
        height, width = self.crop or self.size or (0, 0)
        return height if height == width else 0

    @property
    def target(self) -> int | None:
        """The shortest edge in pixels the resize makes; ``None`` when every pixel counts."""
        if self.shortest_edge is not None:
            return self.shortest_edge
        return max(self.size) if self.size else None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, stable: part of the fingerprint.

        The back end is named because torchvision's pixels differ slightly from Pillow's.
        """
        plain = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }
        return {**plain, "backend": "pillow"}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Preprocess:
        """Read what ``to_dict`` made."""
        return cls(
            shortest_edge=raw["shortest_edge"],
            size=_pair(raw["size"]),
            resample=raw["resample"],
            crop=_pair(raw["crop"]),
            mean=_triple(raw["mean"]),
            std=_triple(raw["std"]),
        )


def apply(
    spec: Preprocess, image: Image.Image, original: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    """Resize and crop as transformers' Pillow processors do, bit for bit.

    Only images so long that their resized form would exceed ``MAX_RESIZED_PIXELS`` may differ:
    Pillow chooses the order of its two passes by size, and clips overshoots in between.

    Args:
        spec: what to do.
        image: RGB, upright.
        original: (width, height) of the image that ``image`` was decoded from, if it came
            smaller: the longer edge is cut to whole pixels, and its own would be cut elsewhere.

    Returns:
        (S, S, 3) uint8; C-contiguous and writable.
    """
    size = _resized(spec, original or image.size)
    if spec.crop is not None and size[0] * size[1] > MAX_RESIZED_PIXELS:
        pixels = _resize_middle(image, size, spec)
    else:
        resized = image.resize(size, resample=Image.Resampling(spec.resample))
        pixels = np.asarray(resized, dtype=np.uint8)
    if spec.crop is not None:
        pixels = _centre_crop(pixels, spec.crop)
    return np.array(pixels, order="C")


def seen_box(spec: Preprocess, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Which part of an upright image the encoder's square input shows.

    Args:
        spec: what is done to the image.
        size: its (width, height) in pixels.

    Returns:
        (left, top, right, bottom) in pixels of the image; beyond its edges where the input is
        padded, within them where something is cropped away.
    """
    resized = _resized(spec, size)
    shown = resized if spec.crop is None else (spec.crop[1], spec.crop[0])
    spans = []
    for length, full, kept in zip(resized, size, shown, strict=True):
        start = (length - kept) // 2  # as ``_centre_crop`` has it, negative ones too
        spans.append((start * full / length, (start + kept) * full / length))
    (left, right), (top, bottom) = spans
    return left, top, right, bottom


def normalise(spec: Preprocess, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(..., 3) uint8 to (..., 3) float32: ``(pixels / 255 - mean) / std``; the reference form."""
    scaled = (pixels.astype(np.float64) / 255.0).astype(np.float32)
    mean, std = np.array(spec.mean, np.float32), np.array(spec.std, np.float32)
    return np.asarray((scaled - mean) / std, dtype=np.float32)


def _resized(spec: Preprocess, size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) after the resize; the longer edge is cut, not rounded, as transformers do."""
    if spec.shortest_edge is None:
        return (spec.size[1], spec.size[0]) if spec.size else size
    width, height = size
    edge = spec.shortest_edge
    if width <= height:
        return edge, int(edge * height / width)
    return int(edge * width / height), edge


def _resize_middle(
    image: Image.Image, size: tuple[int, int], spec: Preprocess
) -> NDArray[np.uint8]:
    """Resize only the part in the middle that the centre crop will keep."""
    assert spec.crop is not None
    box = []
    kept = []
    for length, full, crop in zip(size, image.size, spec.crop[::-1], strict=True):
        keep = min(length, crop)
        start = (length - keep) // 2
        box.append((start * full / length, (start + keep) * full / length))
        kept.append(keep)
    (left, right), (top, bottom) = box
    resized = image.resize(
        (kept[0], kept[1]),
        resample=Image.Resampling(spec.resample),
        box=(left, top, right, bottom),
    )
    return np.asarray(resized, dtype=np.uint8)


def _centre_crop(pixels: NDArray[np.uint8], crop: tuple[int, int]) -> NDArray[np.uint8]:
    """(h, w, 3) to (crop, 3); a smaller image is padded with black, the odd pixel before it."""
    height, width = pixels.shape[:2]
    tall, wide = max(height, crop[0]), max(width, crop[1])
    above, before = math.ceil((tall - height) / 2), math.ceil((wide - width) / 2)
    if (tall, wide) != (height, width):
        padded = np.zeros((tall, wide, 3), dtype=np.uint8)
        padded[above : above + height, before : before + width] = pixels
        pixels = padded
    # Floor division of the unpadded sizes, negative ones too: this is where an odd pixel goes.
    top, left = (height - crop[0]) // 2 + above, (width - crop[1]) // 2 + before
    return pixels[top : top + crop[0], left : left + crop[1]]


def _pair(value: Any) -> tuple[int, int] | None:
    return None if value is None else (int(value[0]), int(value[1]))


def _triple(value: Any) -> tuple[float, float, float]:
    return (float(value[0]), float(value[1]), float(value[2]))
