"""Image formats: told by content, never by name, and only those on the list."""

from __future__ import annotations

import functools
import importlib
import re

from vitrail.indexer.errors import ImageRejectedError

EXTENSIONS = frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "jfif", "mpo", "png", "apng", "webp", "gif", "bmp", "dib"),
        *("tif", "tiff", "avif", "avifs", "heic", "heif", "hif"),
        *("jp2", "j2k", "jpf", "jpx", "ppm", "pgm", "pbm", "pnm"),
    )
)
"""Extensions (lower case) of the files that a scan considers; the content then decides."""

HEAD = 64
"""Bytes that suffice for ``sniff``."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"GIF8[79]a", "GIF"),
    (rb"RIFF.{4}WEBP", "WEBP"),
    # "BM" alone would take many texts: the length of the second header has seven values.
    (rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00", "BMP"),
    (rb"II[*+]\x00|MM\x00[*+]", "TIFF"),
    (rb"\x00\x00\x00\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", "JPEG2000"),
    (rb"P[1-6][ \t\r\n]+(?:#|\d+\s)", "PPM"),
)
_PATTERNS = tuple((re.compile(magic, re.DOTALL), name) for magic, name in _MAGIC)
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
)
_PLUGINS = {
    "JPEG": "JpegImagePlugin",
    "PNG": "PngImagePlugin",
    "GIF": "GifImagePlugin",
    "WEBP": "WebPImagePlugin",
    "BMP": "BmpImagePlugin",
    "TIFF": "TiffImagePlugin",
    "AVIF": "AvifImagePlugin",
    "JPEG2000": "Jpeg2KImagePlugin",
    "PPM": "PpmImagePlugin",
}


def sniff(head: bytes) -> str | None:
    """Pillow's name of the format that a file's first bytes announce, or ``None``."""
    for pattern, name in _PATTERNS:
        if pattern.match(head):
            return name
    if head[4:8] != b"ftyp":
        return None
    brands = {head[8:12]} | {head[i : i + 4] for i in range(16, _box_end(head), 4)}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if brands & _HEIF_BRANDS else None


@functools.cache
def load_plugin(name: str) -> None:
    """Make Pillow able to read one format, importing nothing else.

    Raises:
        ImageRejectedError: ``heic-needs-extra`` when pillow-heif is not installed.
    """
    if name != "HEIF":
        importlib.import_module(f"PIL.{_PLUGINS[name]}")
        return
    try:
        import pillow_heif
    except ImportError as error:
        raise ImageRejectedError(
            "heic-needs-extra", "HEIC images need one more package: pip install 'vitrail[heic]'"
        ) from error
    pillow_heif.register_heif_opener()


def is_cut(name: str, data: bytes) -> bool:
    """Whether a file that could not be decoded ends before its format says it should."""
    if name == "JPEG":
        return data.rfind(b"\xff\xd9") <= data.rfind(b"\xff\xda")
    if name == "PNG":
        return b"IEND" not in data[-64:]
    if name == "GIF":
        return not data.rstrip(b"\0").endswith(b";")
    if name == "JPEG2000":
        return not data.endswith(b"\xff\xd9")
    if name == "WEBP":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if name == "BMP":
        return int.from_bytes(data[2:6], "little") > len(data)
    return name in ("AVIF", "HEIF") and _boxes_cut(data)


def _box_end(head: bytes) -> int:
    return min(int.from_bytes(head[:4], "big"), len(head) - 3)


def _boxes_cut(data: bytes) -> bool:
    """Whether an ISO base media file's boxes reach past its end."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:  # 0: up to the end of the file; 2..7: nonsense
            return False
        at += size
    return at != len(data)
