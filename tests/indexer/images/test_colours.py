"""Alpha, depths, ink and profiles: all become upright sRGB."""

from __future__ import annotations

import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.badfiles import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    encode,
    picture,
    png_chunk,
)
from tests.indexer.images.colour_checks import close, colour_of
from vitrail.indexer.images import colours
from vitrail.indexer.images.opening import open_image


def test_alpha_is_laid_over_white() -> None:
    for mode in ("RGBA", "LA"):
        clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0)).convert(mode)
        assert colour_of(encode(clear, "PNG")) == WHITE
    half = encode(Image.new("RGBA", (4, 4), (0, 0, 0, 128)), "PNG")
    assert close(colour_of(half), (127, 127, 127), 1)
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    assert colour_of(encode(palette, "PNG")) == RED
    assert colour_of(encode(palette, "PNG", transparency=0)) == WHITE
    assert colour_of(encode(palette, "GIF", transparency=0)) == WHITE
    keyed = encode(Image.new("RGB", (4, 4), RED), "PNG", transparency=RED)
    assert colour_of(keyed) == WHITE


@pytest.mark.parametrize(("mode", "value"), [("RGBa", (64, 0, 0, 128)), ("La", (0, 128))])
def test_premultiplied_alpha(mode: str, value: tuple[int, ...]) -> None:
    rgb = colours.to_srgb(Image.new(mode, (2, 2), value)).getpixel((0, 0))
    expected = (191, 127, 127) if mode == "RGBa" else (127, 127, 127)
    assert isinstance(rgb, tuple)
    assert all(abs(a - b) <= 2 for a, b in zip(rgb, expected, strict=True))


def test_greys_of_every_depth_are_scaled() -> None:
    deep = np.array([[0, 257 * 100, 65535]], dtype=np.uint16)
    for name in ("PNG", "TIFF"):
        opened = open_image(encode(Image.fromarray(deep), name)).image
        assert np.asarray(opened)[0].tolist() == [[v] * 3 for v in (0, 100, 255)]
    pgm = b"P5 3 1 65535\n" + deep.astype(">u2").tobytes()
    assert np.asarray(open_image(pgm).image)[0, :, 0].tolist() == [0, 100, 255]
    assert colour_of(encode(Image.new("1", (8, 8), 1), "PNG")) == WHITE
    assert colour_of(encode(Image.new("L", (8, 8), 77), "PNG")) == (77, 77, 77)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([-5.0, 0.0, 5.0], [0, 128, 255]),
        ([0.0, float("nan"), 1.0], [0, 0, 255]),
        ([-3.0, -3.0, -3.0], [0, 0, 0]),
    ],
)
def test_float_pictures(values: list[float], expected: list[int]) -> None:
    data = encode(Image.fromarray(np.array([values], dtype=np.float32)), "TIFF")
    assert np.asarray(open_image(data).image)[0, :, 0].tolist() == expected


def test_cmyk_and_adobes_inversion() -> None:
    data = encode(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=100)
    assert b"Adobe" in data
    assert close(colour_of(data), RED)
    assert close(colour_of(encode(Image.new("CMYK", (8, 8), (0, 0, 0, 255)), "TIFF")), (0, 0, 0))


def test_sixteen_bit_colour() -> None:
    row = b"\0" + struct.pack(">6H", 65535, 0, 128 * 257, 0, 65535, 0)
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(row))
    data = b"\x89PNG\r\n\x1a\n" + chunks + png_chunk(b"IEND", b"")
    assert colour_of(data) == (255, 0, 128)
    assert colour_of(data, (1, 0)) == GREEN


def swapped_profile() -> bytes:
    """sRGB with the colorants of red and blue exchanged, so that red means blue."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_profiles_are_applied(name: str) -> None:
    data = encode(Image.new("RGB", (16, 16), RED), name, icc_profile=swapped_profile())
    assert close(colour_of(data), BLUE, 8)


def test_profile_and_alpha_together() -> None:
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 128))
    data = encode(image, "PNG", icc_profile=swapped_profile())
    assert close(colour_of(data), (127, 127, 255))


def test_a_profile_of_srgb_changes_no_pixel() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain, tagged = (encode(picture(), "PNG", **o) for o in ({}, {"icc_profile": srgb}))
    assert open_image(plain).image.tobytes() == open_image(tagged).image.tobytes()


@pytest.mark.parametrize("profile", [b"junk", swapped_profile()[:200], b"\0" * 4096])
def test_broken_profiles_are_ignored(profile: bytes) -> None:
    assert colour_of(encode(Image.new("RGB", (4, 4), RED), "PNG", icc_profile=profile)) == RED


def test_a_profile_for_other_pixels_is_ignored_or_adapted() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert colour_of(encode(Image.new("RGB", (4, 4), RED), "PNG", icc_profile=lab)) == RED
    grey = encode(Image.new("L", (4, 4), 99), "PNG", icc_profile=swapped_profile())
    assert close(colour_of(grey), (99, 99, 99))


def test_no_damage_to_a_profile_costs_the_picture() -> None:
    """LittleCMS and Pillow raise a dozen kinds of error over what a profile may hold."""
    rng = random.Random(3)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for number in range(300):
        profile = bytearray(srgb)
        for _ in range(rng.choice((1, 3, 20))):
            profile[rng.randrange(len(profile))] = rng.randrange(256)
        kept = bytes(profile[: rng.randrange(1, len(profile))] if number % 3 == 0 else profile)
        mode = ("RGB", "L", "CMYK", "RGBA", "P")[number % 5]
        assert colours.to_srgb(Image.new(mode, (4, 4)), kept).mode == "RGB"


def test_a_profile_that_cannot_be_applied_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ImageCms.PyCMSError("no")

    data = encode(Image.new("RGB", (4, 4), RED), "PNG", icc_profile=swapped_profile())
    monkeypatch.setattr(ImageCms, "applyTransform", fail)
    assert colour_of(data) == RED
