"""Files taken apart: metadata of any size and shape costs neither the picture nor the run."""

from __future__ import annotations

import functools
import struct
import zlib

import pytest

from tests.badfiles import encode, picture, png_chunk
from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images.containers import png as chunks
from vitrail.indexer.images.containers.parts import MAX_INFLATED
from vitrail.indexer.images.opening import open_image

_FRAME = b",\0\0\0\0"  # where a GIF's first frame begins


def before_frame(gif: bytes, extension: bytes) -> bytes:
    at = gif.index(_FRAME)
    return gif[:at] + extension + gif[at:]


@functools.cache
def heavy() -> dict[str, bytes]:
    """What Pillow itself takes minutes or gigabytes for, or refuses."""
    jpeg, png, gif = (encode(picture(4), name) for name in ("JPEG", "PNG", "GIF"))
    part = b"\xff\xe1\xff\xffExif\0\0" + b"x" * 65_527
    jfif = 4 + struct.unpack(">H", jpeg[4:6])[0]
    text = png_chunk(b"zTXt", b"k\0\0" + zlib.compress(b"y" * 1_000_000))
    return {
        "EXIF in a thousand parts": jpeg[:2] + part * 1_000 + jpeg[2:],
        "junk between segments": jpeg[:jfif] + b"j" * 5_000_000 + jpeg[jfif:],
        "fill bytes": jpeg[:2] + b"\xff" * 5_000_000 + jpeg[2:],
        "a text of 100 MB": png[:33] + png_chunk(b"tEXt", b"k\0" + b"y" * 10**8) + png[33:],
        "more text than Pillow takes": png[:33] + text * 90 + png[33:],
        "a comment of 5 MB": before_frame(gif, b"!\xfe" + (b"\xff" + b"c" * 255) * 20_000 + b"\0"),
        "a netpbm comment": b"P6 #" + b"c" * 5_000_000 + b"\n2 1 255\n" + b"abcdef",
    }


@pytest.mark.parametrize("name", heavy())
def test_heavy_metadata_costs_no_picture(name: str) -> None:
    opened = open_image(heavy()[name])
    assert opened.image.mode == "RGB"
    assert sum(map(len, opened.info.values())) <= 4 << 20


@pytest.mark.parametrize(
    "chunk",
    [
        (b"gAMA", b"\0"),
        (b"gAMA", b""),
        (b"cHRM", b"\xff" * 5),
        (b"pHYs", b"\0\0"),
        (b"sRGB", b""),
        (b"iCCP", b"broken\0\0" + b"junk"),
        (b"iCCP", b"huge\0\0" + zlib.compress(b"\0" * (20 << 20))),
        (b"iTXt", b"k\0\1\7"),
        (b"zTXt", b"k\0\0junk"),
        (b"eXIf", b"MM\0*\xff\xff\xff\xff"),
        (b"acTL", b"\0"),
        (b"fcTL", b"\0" * 3),
        (b"tIME", b""),
    ],
)
def test_odd_chunks_cost_no_picture(chunk: tuple[bytes, bytes]) -> None:
    data = encode(picture(5), "PNG")
    odd = data[:33] + png_chunk(*chunk) + data[33:]
    assert open_image(odd).image.tobytes() == picture(5).tobytes()
    wrong = bytearray(odd)
    wrong[33 + 8 + len(chunk[1])] ^= 0xFF  # its checksum
    assert open_image(bytes(wrong)).image.tobytes() == picture(5).tobytes()


def test_too_many_parts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("jpeg", "png", "gif", "webp"):
        monkeypatch.setattr(f"vitrail.indexer.images.containers.{module}.MAX_PARTS", 20)
    jpeg, png, gif = (encode(picture(6), one) for one in ("JPEG", "PNG", "GIF"))
    webp = encode(picture(6).convert("RGBA"), "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0")
    files = (
        jpeg[:2] + b"\xff\xfe\0\2" * 30 + jpeg[2:],
        png[:33] + png_chunk(b"tIME", b"") * 30 + png[33:],
        before_frame(gif, b"!\xfe" + b"\1c" * 30 + b"\0"),
        webp + b"JUNK\0\0\0\0" * 30,
    )
    for data in files:
        with pytest.raises(ImageRejectedError, match="parts") as caught:
            open_image(data)
        assert caught.value.reason == "too-costly"


@functools.cache
def costly() -> dict[str, bytes]:
    """Files that take a processor for long, if each of their texts is read."""
    png = encode(picture(8), "PNG")
    small = png_chunk(b"zTXt", b"k\0\0" + zlib.compress(b"y" * 80_000, 9))
    large = zlib.compress(b"y" * (7 << 20), 9)
    words = png_chunk(b"iTXt", b"k\0\0\0\0\0" + b"y")
    return {
        "compressed texts": png[:33] + small * 60_000 + png[33:],
        "texts": png[:33] + png_chunk(b"tEXt", b"k\0y") * 400_000 + png[33:],
        "international texts": png[:33] + words * 400_000 + png[33:],
        "profiles": png[:33] + png_chunk(b"iCCP", b"p\0\0" + large) * 400 + png[33:],
    }


@pytest.mark.parametrize("name", costly())
def test_texts_beyond_number_are_refused_before_they_are_read(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted by what is done, since no clock can be trusted on a busy machine."""
    grown = 0
    take = chunks.inflate

    def counting(data: memoryview, most: int) -> bytes | None:
        nonlocal grown
        found = take(data, most)
        grown += len(found or b"")
        return found

    monkeypatch.setattr(chunks, "inflate", counting)
    with pytest.raises(ImageRejectedError, match="texts") as caught:
        open_image(costly()[name])
    assert caught.value.reason == "too-costly"
    assert grown <= MAX_INFLATED


def test_damaged_texts_are_not_counted_as_what_they_could_be() -> None:
    data = encode(picture(9), "PNG")
    odd = data[:33] + png_chunk(b"zTXt", b"k\0\0junk") * 10_000 + data[33:]
    assert open_image(odd).image.tobytes() == picture(9).tobytes()


def test_a_length_beyond_the_end_is_survived() -> None:
    png = encode(picture(7), "PNG")
    late = png[:-12] + struct.pack(">I", 1 << 30) + b"tEXt" + b"k\0v" + png[-12:]
    assert open_image(late).image.size == (48, 32)
