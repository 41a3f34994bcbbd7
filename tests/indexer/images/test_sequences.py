"""Files with more images than the first are told by their headers; previews are none of these."""

from __future__ import annotations

import io
import random
import struct
from typing import Any

import pytest
from PIL import Image

from tests.search.duplicates.drawing import draw
from vitrail.indexer.images.sequences import has_several


def _saved(kind: str, images: int, **how: Any) -> bytes:
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    first, *more = (draw(i, (60, 40)) for i in range(1, images + 1))
    file = io.BytesIO()
    if more:
        how |= {"save_all": True, "append_images": more}
    first.save(file, kind, **how)
    return file.getvalue()


KINDS: list[tuple[str, dict[str, Any]]] = [
    ("PNG", {}),
    ("GIF", {"comment": b"," * 600}),
    ("WEBP", {}),
    ("WEBP", {"xmp": b"ANMF" * 9}),
    ("TIFF", {}),
    ("TIFF", {"big_tiff": True}),
    ("TIFF", {"compression": "jpeg"}),
    ("AVIF", {}),
    ("HEIF", {}),
    ("MPO", {}),
    ("PNG", {"default_image": True}),
]


@pytest.mark.parametrize(("kind", "how"), KINDS)
def test_animations_and_pages_are_told_from_one_image(kind: str, how: dict[str, Any]) -> None:
    assert not has_several(_saved(kind, 1, **how))
    for images in (2, 3):
        assert has_several(_saved(kind, images, **how))


@pytest.mark.parametrize("kind", ["JPEG", "BMP", "PPM", "JPEG2000"])
def test_one_image_is_not_several(kind: str) -> None:
    assert not has_several(_saved(kind, 1))


@pytest.mark.parametrize(("mark", "order"), [(b"II*\0", "<"), (b"MM\0*", ">")])
@pytest.mark.parametrize("reduced", [0, 1])
def test_a_smaller_image_of_another_is_no_page(mark: bytes, order: str, reduced: int) -> None:
    folder = struct.pack(f"{order}HHHII", 1, 254, 4, 1, reduced)
    first = struct.pack(f"{order}IHHHIII", 8, 1, 254, 4, 1, 0, 26)
    data = mark + first + folder + bytes(4)
    assert has_several(data) is not bool(reduced)


@pytest.mark.parametrize(("kind", "how"), KINDS)
def test_any_bytes_are_answered(kind: str, how: dict[str, Any]) -> None:
    data = _saved(kind, 2, **how)
    drawn = random.Random(0)
    for _ in range(300):
        changed = bytearray(data[: drawn.randrange(len(data))])
        for _ in range(4):
            at = drawn.randrange(len(changed) + 1)
            changed[at : at + 4] = drawn.choice((b"\xff" * 4, bytes(4), drawn.randbytes(4)))
        assert has_several(bytes(changed)) in (True, False)
    assert not has_several(b"")
    assert not has_several(Image.new("L", (1, 1)).tobytes())


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def _heif(
    items: list[tuple[int, bytes, int]],
    references: list[tuple[bytes, int, list[int]]] = (),  # type: ignore[assignment]
    *,
    wide: bool = False,
    brands: bytes = b"heic\0\0\0\0mif1heic",
    primary: bytes = b"pitm",
) -> bytes:
    """A file's tables: (number, kind, flags) of items, (kind, from, to) of references."""
    form, version = ("I", 1) if wide else ("H", 0)
    entries = [
        _box(b"infe", struct.pack(f">BBH{form}H", 2 + wide, 0, flags, number, 0), kind, b"\0")
        for number, kind, flags in items
    ]
    told = [
        _box(kind, struct.pack(f">{form}H{len(to)}{form}", one, len(to), *to))
        for kind, one, to in references
    ]
    first = struct.pack(">B3x", version)
    return _box(b"ftyp", brands) + _box(
        b"meta",
        bytes(4),
        _box(primary, first, struct.pack(f">{form}", items[0][0] if items else 1)),
        _box(b"iinf", first, struct.pack(f">{form}", len(items)), *entries),
        _box(b"iref", first, *told),
    )


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("items", "references", "several"),
    [
        ([(1, b"hvc1", 0)], [], False),
        ([(1, b"hvc1", 0), (2, b"hvc1", 0)], [], True),
        ([(1, b"hvc1", 0), (2, b"hvc1", 1)], [], False),  # hidden
        ([(1, b"hvc1", 0), (2, b"Exif", 0), (3, b"mime", 0)], [(b"cdsc", 2, [1])], False),
        ([(1, b"hvc1", 0), (2, b"hvc1", 0)], [(b"thmb", 2, [1])], False),
        ([(1, b"hvc1", 0), (2, b"hvc1", 0)], [(b"auxl", 2, [1])], False),
        ([(1, b"grid", 0), (2, b"hvc1", 0), (3, b"hvc1", 0)], [(b"dimg", 1, [2, 3])], False),
        ([(1, b"grid", 0), (2, b"hvc1", 0), (3, b"hvc1", 0)], [(b"dimg", 1, [2])], True),
        ([(1, b"hvc1", 0), (2, b"hvc1", 0), (3, b"tmap", 0)], [(b"dimg", 3, [1, 2])], False),
        ([(1, b"hvc1", 0), (2, b"iden", 0)], [(b"dimg", 2, [1])], True),  # as if cut from it
        ([], [], True),  # nothing tells that it is one
    ],
)
def test_items_that_are_shown_for_themselves_are_images(
    items: list[tuple[int, bytes, int]],
    references: list[tuple[bytes, int, list[int]]],
    several: bool,
    wide: bool,
) -> None:
    assert has_several(_heif(items, references, wide=wide)) is several


@pytest.mark.parametrize("place", [0, 8, 16])
@pytest.mark.parametrize("brand", [b"avis", b"msf1", b"hevc", b"hevs"])
def test_a_brand_of_sequences_counts_wherever_it_stands(place: int, brand: bytes) -> None:
    brands = bytearray(b"mif1\0\0\0\0avifmif1miaf")
    assert not has_several(_heif([(1, b"av01", 0)], brands=bytes(brands)))
    brands[place : place + 4] = brand
    assert has_several(_heif([(1, b"av01", 0)], brands=bytes(brands)))


def test_what_does_not_tell_its_first_image_may_be_several() -> None:
    assert has_several(_heif([(1, b"hvc1", 0)], primary=b"free"))
    assert has_several(_box(b"ftyp", b"heic\0\0\0\0mif1"))
    assert has_several(_heif([(1, b"hvc1", 0)]) + _box(b"moov"))


def test_thumbnails_and_metadata_of_a_heif_are_no_images() -> None:
    heif = pytest.importorskip("pillow_heif")
    first = draw(1, (200, 120))
    written = heif.from_pillow(first)
    written.info["thumbnails"] = [64]
    file = io.BytesIO()
    written.save(file, exif=Image.Exif().tobytes(), xmp=b"<x/>")
    assert b"thmb" in file.getvalue()
    assert not has_several(file.getvalue())


def test_a_frame_beside_the_image_of_a_png_counts() -> None:
    data = _saved("PNG", 2, default_image=True)
    frames = data.index(b"acTL") + 4
    assert data[frames : frames + 4] == b"\0\0\0\1"
    assert has_several(data)
    own = bytearray(_saved("PNG", 2))  # where the image is the first frame
    own[(at := own.index(b"acTL") + 4) : at + 4] = b"\0\0\0\1"
    assert not has_several(bytes(own))


def _multi(kind: int, second: bytes, order: str = "<", mark: bytes = b"II*\0") -> bytes:
    """A JPEG file, behind it another, and a table that says what this is."""
    first = _saved("JPEG", 1)
    length = 2 + 4 + 8 + 2 + 12 + 4 + 32
    behind = 2 + len(first) + length - 8  # from the table's start
    table = struct.pack(f"{order}4sIHHHIII", mark, 8, 1, 0xB002, 7, 32, 26, 0)
    one = struct.pack(f"{order}IIIHH", 0x030000, len(first), 0, 0, 0)
    other = struct.pack(f"{order}IIIHH", kind, len(second), behind - 2, 0, 0)
    segment = struct.pack(">HH", 0xFFE2, length) + b"MPF\0" + table + one + other
    whole = first[:2] + segment + first[2:]
    assert whole.find(b"MPF\0") + 4 + behind - 2 == len(whole)
    return whole + second


@pytest.mark.parametrize(("order", "mark"), [("<", b"II*\0"), (">", b"MM\0*")])
@pytest.mark.parametrize(
    ("kind", "said", "several"),
    [
        *((one, b"", True) for one in (0x020001, 0x020002, 0x020003, 0)),
        *((one, b"", False) for one in (0x010001, 0x010002)),  # large previews
        (0, b'<x hdrgm:Version="1.0"/>', False),
        (0, b"<x>urn:com:apple:photo:2020:aux:hdrgainmap</x>", False),
        (0, b"<apdi:AuxiliaryImageType>", False),
        (0x40000000 | 0x020002, b"", True),  # a dependent child
    ],
)
def test_what_is_behind_a_jpeg_is_told_by_its_table(
    kind: int, said: bytes, several: bool, order: str, mark: bytes
) -> None:
    second = _saved("JPEG", 1, comment=said) if said else _saved("JPEG", 1)
    assert has_several(_multi(kind, second, order, mark)) is several


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "RGB"])
def test_a_second_image_behind_a_bitmap_counts(mode: str) -> None:
    file = io.BytesIO()
    Image.new(mode, (13, 7), 1 if mode != "RGB" else (80, 10, 32)).save(file, "PPM")
    one = file.getvalue()
    assert not has_several(one)
    assert not has_several(one + b"\n")
    assert has_several(one + one)
    assert has_several(one + b"\n" + one)


def test_a_second_image_behind_one_of_written_numbers_counts() -> None:
    one = b"P2 2 1 255\n7 8\n"
    assert not has_several(one)
    assert has_several(one + one)


def test_a_folder_that_leads_to_itself_ends() -> None:
    data = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 254, 4, 1, 1, 8)
    assert not has_several(data)
