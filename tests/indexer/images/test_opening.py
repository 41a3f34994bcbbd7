"""Any image file to upright sRGB pixels, or a named reject."""

from __future__ import annotations

import io
import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from tests.badfiles import (
    BLUE,
    GREEN,
    RED,
    bomb,
    encode,
    make_bad_folder,
    make_odd_folder,
    picture,
)
from tests.indexer.images.colour_checks import close, colour_of
from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images import formats, reduction
from vitrail.indexer.images.opening import REASONS, open_image
from vitrail.indexer.images.pixels import SCALED_MARGIN


def reason_of(data: bytes) -> str:
    with pytest.raises(ImageRejectedError) as caught:
        open_image(data)
    assert caught.value.reason in REASONS
    assert "\n" not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize(
    "name", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM"]
)
def test_every_format_gives_the_colour_that_went_in(name: str) -> None:
    opened = open_image(encode(Image.new("RGB", (40, 24), (200, 100, 50)), name))
    assert (opened.format, opened.width, opened.height) == (name, 40, 24)
    assert (opened.image.mode, opened.image.size) == ("RGB", (40, 24))
    pixel = opened.image.getpixel((20, 12))
    assert isinstance(pixel, tuple)
    assert close((int(pixel[0]), int(pixel[1]), int(pixel[2])), (200, 100, 50))


def test_heic_opens_with_the_extra() -> None:
    heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    heif.from_pillow(Image.new("RGB", (64, 64), (200, 100, 50))).save(buffer)
    assert open_image(buffer.getvalue()).format == "HEIF"
    assert close(colour_of(buffer.getvalue()), (200, 100, 50))


def test_heic_without_the_extra_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    formats.load_plugin.cache_clear()
    with pytest.raises(ImageRejectedError, match=r"pip install 'vitrail\[heic\]'") as caught:
        open_image(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 40)
    assert caught.value.reason == "heic-needs-extra"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_pictures_come_upright(orientation: int, name: str) -> None:
    upright = Image.new("RGB", (64, 32), RED)
    upright.paste(BLUE, (32, 0, 64, 32))
    upright.paste(GREEN, (32, 16, 64, 32))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # how a camera held so stores it
    stored = upright
    if orientation in undo:
        stored = upright.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    opened = open_image(encode(stored, name, exif=exif))
    assert (opened.width, opened.height) == (64, 32) == opened.image.size
    pixels = np.asarray(opened.image).astype(int)
    assert pixels[16, 8].argmax() == 0
    assert pixels[6, 52].argmax() == 2
    assert pixels[26, 52].argmax() == 1


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animations_give_their_first_frame(name: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE)]
    data = encode(frames[0], name, save_all=True, append_images=frames[1:])
    assert close(colour_of(data), RED, 6)


def test_large_jpegs_are_decoded_scaled_but_never_below_the_margin() -> None:
    data = encode(picture(1, (1600, 1200)), "JPEG")
    for target in (32, 100, 224, 400, 700):
        opened = open_image(data, target=target)
        assert (opened.width, opened.height) == (1600, 1200)
        assert min(opened.image.size) >= min(SCALED_MARGIN * target, 1200)
    assert open_image(data, target=32).image.size == (200, 150)
    assert open_image(data).image.size == (1600, 1200)


def test_scaled_decoding_keeps_upright_sizes() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    opened = open_image(encode(picture(1, (1600, 800)), "JPEG", exif=exif), target=50)
    assert (opened.width, opened.height) == (800, 1600)
    assert opened.image.size == (100, 200)


def test_pixel_limits_come_from_the_header() -> None:
    assert reason_of(bomb()) == "too-many-pixels"
    data = encode(picture(), "PNG")
    with pytest.raises(ImageRejectedError, match="48 x 32 pixels") as caught:
        open_image(data, max_pixels=1535)
    assert caught.value.reason == "too-many-pixels"
    assert open_image(data, max_pixels=1536).width == 48


def test_a_limit_above_pillows_own_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert open_image(encode(picture(), "PNG"), max_pixels=10_000).width == 48


def test_bad_folder(tmp_path: Path) -> None:
    for name, reason in make_bad_folder(tmp_path).items():
        with pytest.raises(ImageRejectedError) as caught:
            open_image(os.path.join(tmp_path, name))
        told = caught.value.reason
        # a dangling link is told from a vanished file by the scan, which saw the link
        assert told == reason or (name, told) == ("dangling.jpg", "missing"), name
        assert told in REASONS


def test_odd_folder(tmp_path: Path) -> None:
    for name, kind in make_odd_folder(tmp_path).items():
        opened = open_image(os.path.join(tmp_path, name))
        assert (opened.format, opened.image.mode) == (kind, "RGB"), name


def test_pillows_warnings_neither_leak_nor_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # 1,536 pixels make Pillow warn
    data = encode(picture(), "PNG")
    warnings.simplefilter("error")
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: open_image(data, max_pixels=2000), range(64)))
    assert {o.image.tobytes() for o in opened} == {opened[0].image.tobytes()}


def test_threads_agree(tmp_path: Path) -> None:
    paths = [os.path.join(tmp_path, name) for name in make_odd_folder(tmp_path)]
    serial = [open_image(path).image.tobytes() for path in paths]
    with ThreadPoolExecutor(8) as pool:
        parallel = list(pool.map(lambda path: open_image(path).image.tobytes(), paths * 3))
    assert parallel == serial * 3


def test_running_out_of_memory_is_a_reject(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Image.Image:
        raise MemoryError

    monkeypatch.setattr(reduction, "to_srgb", fail)
    assert reason_of(encode(picture(), "PNG")) == "out-of-memory"


_SEEDS = [
    encode(picture(1), name) for name in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_makes_anything_but_a_reject(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(_SEEDS)))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(content)))
    try:
        opened = open_image(bytes(content[: end or None]), max_pixels=10**6)
    except ImageRejectedError as error:
        reason = error.reason
    else:
        reason = "" if opened.image.mode == "RGB" else opened.image.mode
    assert reason in ("", *REASONS)


# Metadata
