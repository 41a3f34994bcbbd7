"""Any of Pillow's pixel modes to 8-bit RGB in sRGB, alpha laid over white."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_GREY_WITH_ALPHA = ("LA", "L", "1")
_PROFILE_SPACE = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
# Transforms are shared between threads, so they must not remember the last pixel.
_FLAGS = ImageCms.Flags.NOCACHE | ImageCms.Flags.BLACKPOINTCOMPENSATION
_CACHED = 64 << 10  # bytes of a profile; larger ones are a printer's, and not every file's
_BAND = 1 << 20  # pixels whose levels are looked at together

T = TypeVar("T")


class Colours:
    """How the pixels of one image become sRGB; what is asked of all of it is found at the start.

    Greyscale of more than 8 bits is scaled, not clipped. An ICC profile is applied; one that is
    broken or made for another kind of pixel is ignored. Alpha, also a palette's or a transparent
    colour, is composited over white, as transformers' Pillow processors do it.

    Args:
        image: loaded.
        icc: its profile, or nothing.
    """

    def __init__(self, image: Image.Image, icc: bytes = b"") -> None:
        self._icc = icc
        self._space = _space_of(icc) if icc else None
        self._transforms: dict[str, ImageCms.ImageCmsTransform | None] = {}
        self._levels = _find_levels(image) if image.mode in ("I", "F") else (0.0, 1.0)

    def convert(self, image: Image.Image) -> Image.Image:
        """The image, or a part of it, as RGB."""
        image = self._to_eight_bits(image)
        if image.mode == "La":  # Pillow has no shorter way
            image = image.convert("LA")
        alpha = None
        if image.has_transparency_data:
            rgba = image.convert("RGBA")
            alpha = rgba.getchannel("A")
            base = rgba.convert("L" if image.mode in _GREY_WITH_ALPHA else "RGB")
        else:
            base = _plain(image)
        base = self._apply_profile(base)
        if alpha is None or alpha.getextrema() == (255, 255):
            return base
        base.putalpha(alpha)
        white = Image.new("RGBA", base.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, base).convert("RGB")

    def _apply_profile(self, image: Image.Image) -> Image.Image:
        if self._space == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        transform = self._transform(image.mode)
        if transform is not None:
            converted = _or_none(lambda: ImageCms.applyTransform(image, transform))
            if converted is not None:
                return converted
        return image.convert("RGB")

    def _transform(self, mode: str) -> ImageCms.ImageCmsTransform | None:
        if self._space is None or self._space != _PROFILE_SPACE[mode]:
            return None
        if mode not in self._transforms:
            self._transforms[mode] = _transform_of(self._icc, mode)
        return self._transforms[mode]

    def _to_eight_bits(self, image: Image.Image) -> Image.Image:
        if image.mode.startswith("I;16"):
            wide = np.asarray(image).astype(np.uint32)
            return Image.fromarray(((wide + 128) // 257).astype(np.uint8))
        if image.mode in ("I", "F"):
            values = _finite(image)
            low, high = self._levels
            scale = 255.0 / max(high - low, 1e-300)
            return Image.fromarray(np.rint((values - low) * scale).astype(np.uint8))
        return image


def to_srgb(image: Image.Image, icc: bytes = b"") -> Image.Image:
    """Turn a loaded image of any mode into RGB; see ``Colours``."""
    return Colours(image, icc).convert(image)


def _plain(image: Image.Image) -> Image.Image:
    """An image without alpha as L, RGB or CMYK."""
    if image.mode in _PROFILE_SPACE:
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "LAB":
        return ImageCms.applyTransform(image, _lab_transform()) or image
    return image.convert("RGB")


def _finite(image: Image.Image) -> NDArray[np.float64]:
    values = np.asarray(image).astype(np.float64)
    return np.where(np.isfinite(values), values, 0.0)


def _find_levels(image: Image.Image) -> tuple[float, float]:
    """The grey levels that become 0 and 255: white is the least usual one that holds all values.

    Where none does, as in scientific images, the image's own range is stretched.
    """
    width, height = image.size
    rows = max(1, _BAND // width)
    low, high = float("inf"), float("-inf")
    for top in range(0, height, rows):
        values = _finite(image.crop((0, top, width, min(height, top + rows))))
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    usual = (65535.0,) if image.mode == "I" else (1.0, 255.0, 65535.0)
    white = next((white for white in usual if low >= 0 and high <= white), None)
    return (low, high) if white is None else (0.0, white)


def _or_none(work: Callable[[], T | None]) -> T | None:
    """The result, or ``None`` where LittleCMS or Pillow stumbles over a profile.

    They raise whatever it leads them to, and a profile is never worth an image.
    """
    try:
        return work()
    except MemoryError:
        raise
    except Exception:
        return None


def _space_of(icc: bytes) -> str | None:
    """The kind of pixel that a profile is for, or ``None`` if it is broken."""
    return (_cached_space if len(icc) <= _CACHED else _read_space)(icc)


def _read_space(icc: bytes) -> str | None:
    return _or_none(lambda: ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile.xcolor_space.strip())


def _transform_of(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The way from a profile to sRGB, or ``None`` where there is none or nothing to do."""
    return (_cached_transform if len(icc) <= _CACHED else _read_transform)(icc, mode)


def _read_transform(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    return _or_none(lambda: _build_transform(icc, mode))


_cached_space = functools.lru_cache(maxsize=32)(_read_space)
_cached_transform = functools.lru_cache(maxsize=32)(_read_transform)


def _build_transform(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(icc)),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        _FLAGS,
    )
    return None if mode != "CMYK" and _changes_nothing(transform, mode) else transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether no colour moves by more than one level: most profiles are sRGB itself."""
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    probe = Image.fromarray(grid) if mode == "RGB" else Image.fromarray(levels[None])
    moved = np.asarray(ImageCms.applyTransform(probe, transform), dtype=np.int16)
    return bool(np.abs(moved - np.asarray(probe.convert("RGB"), dtype=np.int16)).max() <= 1)


@functools.cache
def _lab_transform() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        ImageCms.createProfile("LAB"),
        ImageCms.createProfile("sRGB"),
        "LAB",
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        _FLAGS,
    )
