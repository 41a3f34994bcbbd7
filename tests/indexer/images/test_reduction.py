"""Bands give the pixels that the whole gives; reducing is a mean of squares."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.badfiles import encode, picture
from vitrail.indexer.images import colours, reduction
from vitrail.indexer.images.opening import open_image


def made(mode: str) -> Image.Image:
    image = picture(7, (61, 47))
    if mode == "F":
        levels = np.linspace(-3, 900, 61 * 47, dtype=np.float32).reshape(47, 61)
        levels[3, 4] = np.nan
        return Image.fromarray(levels)
    if mode == "I":
        return Image.fromarray(np.arange(61 * 47, dtype=np.int32).reshape(47, 61) * 40)
    if mode == "I;16":
        return Image.fromarray(np.arange(61 * 47, dtype=np.uint16).reshape(47, 61) * 20)
    if mode == "LAB":
        return ImageCms.applyTransform(  # type: ignore[return-value]
            image,
            ImageCms.buildTransform(
                ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
            ),
        )
    if mode == "keyed":
        image.info["transparency"] = image.getpixel((0, 0))
        return image
    if mode == "clear palette":
        image = image.quantize(16)
        image.info["transparency"] = bytes(range(0, 256, 16))
        return image
    found = image.convert(mode)
    if mode in ("RGBA", "LA"):
        found.putalpha(Image.linear_gradient("L").resize(image.size))
    return found


MODES = (
    *("1", "L", "LA", "La", "P", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "LAB", "I", "I;16", "F"),
    *("keyed", "clear palette"),
)


@pytest.mark.parametrize("mode", MODES)
def test_bands_equal_the_whole(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = made("LA").convert("La") if mode == "La" else made(mode)
    whole = colours.to_srgb(image)
    monkeypatch.setattr(reduction, "BAND", 61 * 5)
    monkeypatch.setattr(colours, "_BAND", 61 * 5)
    assert reduction.to_srgb(image, b"").tobytes() == whole.tobytes()
    reduced = reduction.to_srgb(image, b"", factor=3)
    assert reduced.tobytes() == whole.reduce(3).tobytes()
    assert reduced.size == (21, 16)


def test_only_large_pictures_are_reduced_and_never_below_the_margin() -> None:
    assert reduction.factor_for((4096, 4096), 224) == 1
    assert reduction.factor_for((4097, 4096), 224) == 6
    assert reduction.factor_for((40_000, 500), 224) == 1
    assert reduction.factor_for((13_000, 13_000), None) == 1
    for edge in (4200, 9000, 13_370):
        factor = reduction.factor_for((edge, edge), 224)
        assert edge / factor >= reduction.MARGIN * 224


def test_a_large_picture_comes_reduced_with_its_own_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduction, "LARGE", 1000)
    data = encode(picture(1, (640, 480)), "PNG")
    opened = open_image(data, target=32)
    assert (opened.width, opened.height, opened.image.size) == (640, 480, (128, 96))
    assert open_image(data).image.size == (640, 480)
