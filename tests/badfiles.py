"""Folders with one of each bad file, and one of each good but odd file."""

from __future__ import annotations

import io
import os
import socket
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

SIZE = (48, 32)
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def picture(seed: int = 0, size: tuple[int, int] = SIZE) -> Image.Image:
    """A random RGB picture, like no other seed's."""
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


def encode(image: Image.Image, name: str, **options: object) -> bytes:
    """The bytes of a file of Pillow's format ``name``."""
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG whose header announces billions of pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 4096)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body)


def make_bad_folder(folder: str | os.PathLike[str]) -> dict[str, str]:
    """Fill a folder with files that must be rejected.

    Returns:
        Path below the folder (bytes that are no UTF-8 as surrogate escapes) -> expected reason.
        Those of ``not-a-file`` and ``broken-link`` are told by the scan, the others on opening.
    """
    top = Path(folder)
    top.mkdir(parents=True, exist_ok=True)
    jpeg, png = encode(picture(1), "JPEG"), encode(picture(2), "PNG")
    flipped = bytearray(png)
    flipped[len(png) // 2] ^= 0xFF
    contents: dict[str, tuple[bytes, str]] = {
        "empty.jpg": (b"", "empty"),
        "truncated.jpg": (jpeg[: len(jpeg) // 2], "truncated"),
        "truncated.png": (png[: len(png) // 2], "truncated"),
        "truncated.gif": (encode(picture(3), "GIF")[:-100], "truncated"),
        "truncated.webp": (encode(picture(4), "WEBP")[:-30], "truncated"),
        "truncated.avif": (encode(picture(5), "AVIF")[:-30], "truncated"),
        "truncated.tif": (encode(picture(6), "TIFF")[:-400], "truncated"),
        "truncated.bmp": (encode(picture(7), "BMP")[:-400], "truncated"),
        "header-only.jpg": (jpeg[:20], "truncated"),
        "flipped.png": (bytes(flipped), "broken"),
        "nonsense.png": (png[:16] + b"nonsense" + png[24:], "broken"),
        "bomb.png": (bomb(), "too-many-pixels"),
        "text.jpg": (b"This is no picture at all.\n", "not-an-image"),
        "page.png": (b"<!doctype html><title>404</title>", "not-an-image"),
        "vector.gif": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not-an-image"),
        "paper.webp": (b"%PDF-1.7\n", "not-an-image"),
    }
    for name, (data, _) in contents.items():
        (top / name).write_bytes(data)
    undecodable = b"bad-\xff\xfe.jpg"
    with open(os.path.join(os.fsencode(top), undecodable), "wb") as file:
        file.write(b"not a picture")
    expected = {name: reason for name, (_, reason) in contents.items()}
    return expected | {os.fsdecode(undecodable): "not-an-image"} | _make_special(top)


def _make_special(top: Path) -> dict[str, str]:
    os.mkfifo(top / "pipe.jpg")
    os.symlink("/dev/zero", top / "device.jpg")
    os.symlink("nowhere.jpg", top / "dangling.jpg")
    os.symlink("itself.jpg", top / "itself.jpg")
    (top / "loop").mkdir()
    os.symlink("..", top / "loop" / "up", target_is_directory=True)  # cut, and no reject
    expected = {
        "pipe.jpg": "not-a-file",
        "device.jpg": "not-a-file",
        "dangling.jpg": "broken-link",
        "itself.jpg": "broken-link",
    }
    here = os.getcwd()
    os.chdir(top)  # the name of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket.jpg")
    finally:
        os.chdir(here)
    return expected | {"socket.jpg": "not-a-file"}


def make_odd_folder(folder: str | os.PathLike[str]) -> dict[str, str]:
    """Fill a folder with unusual files that must all be indexed.

    Returns:
        Path below the folder -> Pillow's name of the content's format.
    """
    top = Path(folder)
    (top / "deep" / "er").mkdir(parents=True, exist_ok=True)
    palette = picture(11).quantize(16)
    rgba = picture(12).convert("RGBA")
    rgba.putalpha(Image.linear_gradient("L").resize(SIZE))
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = [picture(seed).quantize(16) for seed in (13, 14)]
    deep = Image.fromarray(
        np.linspace(0, 65535, SIZE[0] * SIZE[1]).astype(np.uint16).reshape(32, 48)
    )
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    contents: dict[str, tuple[bytes, str]] = {
        "palette.png": (encode(palette, "PNG"), "PNG"),
        "palette-clear.png": (encode(palette, "PNG", transparency=bytes(range(0, 256, 16))), "PNG"),
        "alpha.webp": (encode(rgba, "WEBP", lossless=True), "WEBP"),
        "alpha.tif": (encode(rgba, "TIFF"), "TIFF"),
        "grey-alpha.png": (encode(rgba.convert("LA"), "PNG"), "PNG"),
        "grey.jpg": (encode(picture(15).convert("L"), "JPEG"), "JPEG"),
        "cmyk.jpg": (encode(picture(16).convert("CMYK"), "JPEG"), "JPEG"),
        "sixteen.png": (encode(deep, "PNG"), "PNG"),
        "float.tif": (encode(picture(17).convert("F"), "TIFF"), "TIFF"),
        "one-bit.bmp": (encode(picture(18).convert("1"), "BMP"), "BMP"),
        "turned.jpg": (encode(picture(19), "JPEG", exif=exif), "JPEG"),
        "profile.jpg": (encode(picture(20), "JPEG", icc_profile=srgb), "JPEG"),
        "broken-profile.jpg": (encode(picture(21), "JPEG", icc_profile=b"no profile"), "JPEG"),
        "broken-exif.jpg": (encode(picture(22), "JPEG", exif=b"Exif\0\0II*\0\xff\xff"), "JPEG"),
        "animated.gif": (encode(frames[0], "GIF", save_all=True, append_images=frames[1:]), "GIF"),
        "modern.avif": (encode(picture(23), "AVIF"), "AVIF"),
        "really-a-png.jpg": (encode(picture(24), "PNG"), "PNG"),
        "SHOUTING.JPG": (encode(picture(25), "JPEG"), "JPEG"),
        "no-extension": (encode(picture(26), "JPEG"), "JPEG"),
        "progressive.jpg": (encode(picture(27), "JPEG", progressive=True), "JPEG"),
        "one-pixel.png": (encode(picture(28, (1, 1)), "PNG"), "PNG"),
        "long.png": (encode(picture(29, (2000, 1)), "PNG"), "PNG"),
        "deep/er/ünï 'qüo\"te'\n.png": (encode(picture(30), "PNG"), "PNG"),
        os.fsdecode(b"bytes-\xff.png"): (encode(picture(31), "PNG"), "PNG"),
    }
    for name, (data, _) in contents.items():
        with open(os.path.join(top, name), "wb") as file:
            file.write(data)
    os.symlink("grey.jpg", top / "link.jpg")
    return {name: kind for name, (_, kind) in contents.items()} | {"link.jpg": "JPEG"}
