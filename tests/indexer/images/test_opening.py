"""Any image file to upright sRGB pixels, or a named reject."""

from __future__ import annotations

import errno
import io
import os
import struct
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from indexer.errors import ImageRejectedError
from indexer.images import colours, formats, metadata
from indexer.images.opening import REASONS, SCALED_MARGIN, open_image, read_file
from tests.badfiles import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    bomb,
    encode,
    make_bad_folder,
    make_odd_folder,
    picture,
    png_chunk,
)

Colour = tuple[int, int, int]


def colour_of(data: bytes, at: tuple[int, int] = (0, 0)) -> Colour:
    pixel = open_image(data).image.getpixel(at)
    assert isinstance(pixel, tuple)
    return (int(pixel[0]), int(pixel[1]), int(pixel[2]))


def close(one: Colour, other: Colour, tolerance: int = 4) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


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
    def fail(_: Image.Image) -> Image.Image:
        raise MemoryError

    monkeypatch.setattr(colours, "to_srgb", fail)
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


def exif_of(tags: dict[int, object], inner: dict[int, object] | None = None) -> Image.Exif:
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    for tag, value in (inner or {}).items():
        exif.get_ifd(ExifTags.IFD.Exif)[tag] = value
    return exif


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_date_and_camera(name: str) -> None:
    exif = exif_of(
        {ExifTags.Base.Make: "Canon", ExifTags.Base.Model: "Canon EOS R5"},
        {ExifTags.Base.DateTimeOriginal: "2024:02:29 13:45:59"},
    )
    opened = open_image(encode(picture(), name, exif=exif))
    assert opened.taken_at == datetime(2024, 2, 29, 13, 45, 59)
    assert opened.camera == "Canon EOS R5"


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("NIKON CORPORATION", "NIKON D850", "NIKON D850"),
        ("Apple", "iPhone 15", "Apple iPhone 15"),
        ("", "Pixel 8", "Pixel 8"),
        ("FUJIFILM ", " X-T5 \0", "FUJIFILM X-T5"),
        ("", "", None),
        ('workflow:{"a": 1}', 'prompt:{"b": 2}', None),
    ],
)
def test_cameras(make: str, model: str, camera: str | None) -> None:
    tags = {int(ExifTags.Base.Make): make, int(ExifTags.Base.Model): model}
    assert metadata.camera(tags) == camera


def test_dates_fall_back_and_nonsense_is_none() -> None:
    original, digitised = int(ExifTags.Base.DateTimeOriginal), int(ExifTags.Base.DateTimeDigitized)
    exif = {original: "0000:00:00 00:00:00", digitised: "2020-01-02 03:04:05"}
    assert str(metadata.taken_at(exif)) == "2020-01-02 03:04:05"
    assert metadata.taken_at({original: "    :  :     :  :  "}) is None
    assert metadata.taken_at({original: 7}) is None


@pytest.mark.parametrize(
    "value",
    [
        b"ASCII\0\0\0Steps: 20, red apple",
        b"UNICODE\0" + "Steps: 20, red apple".encode("utf-16-be"),
        b"UNICODE\0" + "Steps: 20, red apple".encode("utf-16-le"),
        b"UNICODE\0" + "Steps: 20, red apple".encode("utf-16"),
        b"\0" * 8 + b"Steps: 20, red apple\0\0",
        b"Steps: 20, red apple",
    ],
)
def test_user_comments(value: bytes) -> None:
    exif = exif_of({}, {ExifTags.Base.UserComment: value})
    for name in ("JPEG", "WEBP"):
        info = open_image(encode(picture(), name, exif=exif)).info
        assert info["UserComment"] == "Steps: 20, red apple"


def test_png_texts_also_those_after_the_pixels() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "red apple\nSteps: 20")
    texts.add_itxt("prompt", '{"苹果": 1}')
    texts.add_text("workflow", "x" * 2000, zip=True)
    data = encode(picture(), "PNG", pnginfo=texts)
    late = data[:-12] + png_chunk(b"tEXt", b"Comment\0late") + data[-12:]
    info = open_image(late).info
    assert info["parameters"] == "red apple\nSteps: 20"
    assert info["prompt"] == '{"苹果": 1}'
    assert (info["workflow"], info["Comment"]) == ("x" * 2000, "late")


def test_comments_and_xmp() -> None:
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    info = open_image(encode(picture(), "JPEG", comment=b"caf\xe9", xmp=xmp)).info
    assert (info["comment"], info["xmp"]) == ("café", xmp.decode())
    assert open_image(encode(picture(), "GIF", comment=b"hello")).info["comment"] == "hello"


def test_an_oversized_text_costs_the_text_and_not_the_picture() -> None:
    data = encode(picture(), "PNG")
    huge = png_chunk(b"zTXt", b"k\0\0" + zlib.compress(b"y" * (80 << 20)))
    for at in (33, len(data) - 12):
        opened = open_image(data[:at] + huge + data[at:])
        assert opened.image.size == (48, 32)
        assert "k" not in opened.info


def test_text_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "MAX_TEXT", 10)
    texts = PngImagePlugin.PngInfo()
    for key, value in (("a", "x" * 8), ("b", "x" * 8), ("c", "xx")):
        texts.add_text(key, value)
    assert open_image(encode(picture(), "PNG", pnginfo=texts)).info == {"a": "x" * 8, "c": "xx"}


# Files


def test_read_file_gives_bytes_and_hash(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    content = read_file(path)
    assert content.data == b"abc"
    assert (content.size, content.mtime_ns) == (3, path.stat().st_mtime_ns)
    assert content.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    ("make", "reason"), [("fifo", "not-a-file"), ("folder", "not-a-file"), ("none", "missing")]
)
def test_read_file_refuses(make: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    if make == "fifo":
        os.mkfifo(path)
    elif make == "folder":
        path.mkdir()
    with pytest.raises(ImageRejectedError) as caught:
        read_file(path)
    assert caught.value.reason == reason


def test_read_file_limits_bytes(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"12345")
    with pytest.raises(ImageRejectedError, match="limit of 4"):
        read_file(tmp_path / "x.jpg", max_bytes=4)


def test_read_file_notices_writers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(b"12345")
    real = os.read

    def growing(descriptor: int, count: int) -> bytes:
        data = real(descriptor, count)
        with path.open("ab") as file:
            file.write(b"6")
        return data

    monkeypatch.setattr(os, "read", growing)
    with pytest.raises(ImageRejectedError) as caught:
        read_file(path)
    assert caught.value.reason == "changing"


def test_a_file_the_system_refuses_is_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "denied")

    (tmp_path / "x.jpg").write_bytes(b"12345")
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ImageRejectedError, match="Permission denied") as caught:
        open_image(tmp_path / "x.jpg")
    assert caught.value.reason == "unreadable"
