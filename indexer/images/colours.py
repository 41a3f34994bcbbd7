"""Any of Pillow's pixel modes to 8-bit RGB in sRGB, alpha laid over white."""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_GREY_WITH_ALPHA = ("LA", "L", "1")
_PROFILE_SPACE = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
# Transforms are shared between threads, so they must not remember the last pixel.
_FLAGS = ImageCms.Flags.NOCACHE | ImageCms.Flags.BLACKPOINTCOMPENSATION


def to_srgb(image: Image.Image) -> Image.Image:
    """Turn a loaded picture of any mode into RGB.

    Greyscale of more than 8 bits is scaled, not clipped. An embedded ICC profile is applied; one
    that is broken or made for another kind of pixel is ignored. Alpha, also a palette's or a
    transparent colour, is composited over white, as transformers' Pillow processors do it.
    """
    icc = image.info.get("icc_profile")
    image = _to_eight_bits(image)
    if image.mode == "La":  # Pillow has no shorter way
        image = image.convert("LA")
    alpha = None
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        alpha = rgba.getchannel("A")
        base = rgba.convert("L" if image.mode in _GREY_WITH_ALPHA else "RGB")
    else:
        base = _plain(image)
    base = _apply_profile(base, icc)
    if alpha is None or alpha.getextrema() == (255, 255):
        return base
    base.putalpha(alpha)
    white = Image.new("RGBA", base.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, base).convert("RGB")


def _plain(image: Image.Image) -> Image.Image:
    """A picture without alpha as L, RGB or CMYK."""
    if image.mode in _PROFILE_SPACE:
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "LAB":
        return ImageCms.applyTransform(image, _lab_transform()) or image
    return image.convert("RGB")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        wide = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((wide + 128) // 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        usual = (65535.0,) if image.mode == "I" else (1.0, 255.0, 65535.0)
        return Image.fromarray(_scale(np.asarray(image).astype(np.float64), usual))
    return image


def _scale(values: NDArray[np.float64], usual: tuple[float, ...]) -> NDArray[np.uint8]:
    """Grey levels to 0..255: white is the least of the ``usual`` maxima that holds all values.

    Where none does, as in scientific pictures, the picture's own range is stretched.
    """
    values = np.where(np.isfinite(values), values, 0.0)
    low, high = float(values.min()), float(values.max())
    white = next((white for white in usual if low >= 0 and high <= white), None)
    if white is not None:
        low, high = 0.0, white
    return np.asarray(np.rint((values - low) * (255.0 / max(high - low, 1e-300))), dtype=np.uint8)


def _apply_profile(image: Image.Image, icc: Any) -> Image.Image:
    if isinstance(icc, bytes) and icc:
        if image.mode == "L" and _profile_space(icc) == "RGB":
            image = image.convert("RGB")
        transform = _srgb_transform(icc, image.mode)
        if transform is not None:
            return ImageCms.applyTransform(image, transform) or image
    return image.convert("RGB")


@functools.lru_cache(maxsize=32)
def _profile_space(icc: bytes) -> str | None:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    except (OSError, ImageCms.PyCMSError):
        return None
    return profile.profile.xcolor_space.strip()


@functools.lru_cache(maxsize=32)
def _srgb_transform(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The way from a profile to sRGB, or ``None`` where there is none or nothing to do."""
    if _profile_space(icc) != _PROFILE_SPACE[mode]:
        return None
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(icc)),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            _FLAGS,
        )
    except (OSError, ImageCms.PyCMSError):
        return None
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
