"""What files say of their pictures, read without decoding: places, stars, words."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from tests.badfiles import encode, make_bad_folder, make_odd_folder, picture, png_chunk
from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images import appraisal, iptc, position, xmp
from vitrail.indexer.images.exif import MAX_TAGS, Gps, Tag, read_tags
from vitrail.indexer.images.facts import read_facts
from vitrail.indexer.images.opening import OpenedImage, open_image

XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:exif="http://ns.adobe.com/exif/1.0/" {attributes}>
 <dc:title><rdf:Alt><rdf:li xml:lang="x-default">no keyword</rdf:li></rdf:Alt></dc:title>
 <dc:subject><rdf:Bag><rdf:li>owl</rdf:li><rdf:li> snowy  owl </rdf:li><rdf:li>owl</rdf:li>
 </rdf:Bag></dc:subject>{elements}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def packet(attributes: str = 'xmp:Rating="4"', elements: str = "") -> bytes:
    return XMP.format(attributes=attributes, elements=elements).encode()


def records(*keywords: bytes, utf8: bool = True) -> bytes:
    head = b"\x1c\x01\x5a\0\x03\x1b%G" if utf8 else b""
    return head + b"".join(b"\x1c\x02\x19" + struct.pack(">H", len(k)) + k for k in keywords)


def blocks(body: bytes) -> bytes:
    other = b"8BIM\x03\xed\x03abc" + struct.pack(">I", 3) + b"xyz\0"
    return other + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(body)) + body


def exif_of(*, gps: bool = True, rating: int | None = None, words: str = "") -> Image.Exif:
    exif = Image.Exif()
    if gps:
        exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 51.0, 21.6), 3: "E", 4: (151.0, 12.0, 54.0)})
    if rating is not None:
        exif[Tag.RATING] = rating
    if words:
        exif[Tag.XP_KEYWORDS] = words.encode("utf-16-le") + b"\0\0"
    return exif


def with_segment(jpeg: bytes, marker: int, body: bytes) -> bytes:
    return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_places_stars_and_words_of_every_format(name: str) -> None:
    options: dict[str, object] = {
        "exif": exif_of(rating=2, words="barn;snowy owl"),
        "xmp": packet(),
    }
    if name == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", packet().decode())  # type: ignore[attr-defined]
    if name == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    if name == "TIFF":
        options = {"exif": exif_of(rating=2, words="barn;snowy owl"), "tiffinfo": {700: packet()}}
    data = encode(picture(), name, **options)
    facts = read_facts(data)
    opened = open_image(data)
    for found in (facts, opened):
        if name != "TIFF":  # Pillow writes either the tags or the EXIF of a TIFF
            assert (found.latitude, found.longitude) == pytest.approx((-33.856, 151.215))
        assert found.rating == 4
        assert found.keywords[:2] == ("owl", "snowy owl")
        assert (found.format, found.width, found.height) == (name, 48, 32)
        assert "snowy" in found.info["xmp"]


def test_iptc_in_photoshops_blocks() -> None:
    jpeg = encode(picture(), "JPEG")
    body = b"Photoshop 3.0\0" + blocks(records("Käuzchen".encode(), b"owl"))
    assert read_facts(with_segment(jpeg, 0xED, body)).keywords == ("Käuzchen", "owl")
    body = b"Photoshop 3.0\0" + blocks(records("Käuzchen".encode("latin-1"), utf8=False))
    assert read_facts(with_segment(jpeg, 0xED, body)).keywords == ("Käuzchen",)
    assert iptc.read_keywords(records(b"bare")) == ["bare"]
    assert iptc.read_keywords(blocks(records(b"a"))[:20]) == []


def test_words_come_once_and_in_order() -> None:
    said = xmp.read_xmp(packet())
    wide = "owl; Barn ;;x".encode("utf-16-le")
    found = appraisal.read_keywords({Tag.XP_KEYWORDS: wide}, said, records(b"snowy owl", b"night"))
    assert found == ("owl", "snowy owl", "night", "Barn", "x")


@pytest.mark.parametrize(
    ("exif", "said", "stars"),
    [
        ({}, {}, None),
        ({Tag.RATING: 3}, {}, 3),
        ({Tag.RATING: 3}, {"rating": "5"}, 5),
        ({}, {"rating": "-1"}, -1),
        ({}, {"rating": "0"}, 0),
        ({}, {"rating": "4.0"}, 4),
        ({Tag.RATING: 9}, {"rating": "many"}, None),
        ({}, {"rating": "nan", "percent": "inf"}, None),
        ({Tag.RATING_PERCENT: 99}, {}, 5),
        ({Tag.RATING_PERCENT: 25}, {}, 2),
        ({Tag.RATING_PERCENT: 1}, {}, 1),
        ({Tag.RATING: b"3"}, {"percent": "50"}, 3),
    ],
)
def test_ratings(exif: dict[int, object], said: dict[str, str], stars: int | None) -> None:
    assert appraisal.read_rating(exif, said) == stars


def gps(**changes: object) -> dict[int, object]:
    full = {"LATITUDE_REF": b"N\0", "LATITUDE": (51.0, 30.0, 0.0)}
    full |= {"LONGITUDE_REF": b"W\0", "LONGITUDE": (0.0, 7.5, 0.0)}
    return {int(Gps[name]): value for name, value in (full | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("tags", "said", "expected"),
    [
        (gps(), {}, (51.5, -0.125)),
        (gps(LATITUDE_REF=b"S\0"), {}, (-51.5, -0.125)),
        (gps(LATITUDE=(51.5,)), {}, (51.5, -0.125)),
        (gps(LATITUDE=51.5), {}, (51.5, -0.125)),
        (gps(LATITUDE_REF=None), {}, (None, None)),
        (gps(LONGITUDE=(float("nan"), 0.0, 0.0)), {}, (None, None)),
        (gps(LATITUDE=(91.0, 0.0, 0.0)), {}, (None, None)),
        (gps(STATUS=b"V\0"), {}, (None, None)),
        (gps(LATITUDE=(0.0, 0.0, 0.0), LONGITUDE=(0.0, 0.0, 0.0)), {}, (None, None)),
        (gps(LATITUDE=(1.0, 2.0, 3.0, 4.0)), {}, (None, None)),
        (gps(LATITUDE=b"51"), {"latitude": "10,30N", "longitude": "20,15.6W"}, (10.5, -20.26)),
        ({}, {"latitude": "10,30,36S", "longitude": "20,0,0E"}, (-10.51, 20.0)),
        ({}, {"latitude": "10.5", "longitude": "20E"}, (None, None)),
    ],
)
def test_positions(
    tags: dict[int, object], said: dict[str, str], expected: tuple[float | None, ...]
) -> None:
    assert position.read_position(tags, said) == pytest.approx(expected)


def test_xmp_values_as_elements_and_with_other_prefixes() -> None:
    elements = '<r:Rating xmlns:r="http://ns.adobe.com/xap/1.0/"> 3 </r:Rating>'
    elements += "<exif:GPSLatitude>1,30N</exif:GPSLatitude>"
    found = xmp.read_xmp(packet(attributes="", elements=elements))
    assert found.values == {"rating": "3", "latitude": "1,30N"}
    assert found.keywords == ["owl", "snowy  owl", "owl"]
    wide = packet().decode().encode("utf-16")
    assert xmp.read_xmp(wide).values == {"rating": "4"}


ENTITIES = b"""<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY e SYSTEM "file:///etc/hostname">]>"""


@pytest.mark.parametrize(
    "content",
    [
        ENTITIES + packet().replace(b"owl", b"&b;"),
        ENTITIES + packet().replace(b"owl", b"&e;"),
        packet().replace(b"owl", b"&a;"),
        b"<a>" * 1_000_000,
        b"<a " + b"b='' " * 100_000,
        b"\xff\xfe<",
        b"<?xml version='1.0' encoding='utf-7'?>" + b"+",
        packet()[:400],
        b"\0" * 1000,
    ],
)
def test_hostile_xmp_gives_no_words_and_raises_nothing(content: bytes) -> None:
    assert "a" not in "".join(xmp.read_xmp(content).keywords)


@given(st.binary(max_size=200), st.integers(0, 1000), st.integers(0, 1000))
def test_no_bytes_make_a_reader_raise(junk: bytes, at: int, end: int) -> None:
    exif = exif_of(rating=2, words="a;b").tobytes()
    for whole, read in ((exif, read_tags), (packet(), xmp.read_xmp), (blocks(records(b"a")), None)):
        damaged = whole[:at] + junk + whole[at + end :]
        if read is None:
            iptc.read_keywords(damaged)
        else:
            read(damaged)


def test_tags_that_all_point_to_the_same_bytes_are_not_all_kept() -> None:
    """A megabyte of entries over a megabyte of value would be tens of gigabytes."""
    count = MAX_TAGS + 56_000
    entries = b"".join(struct.pack("<HHII", tag, 7, 1 << 20, 8) for tag in range(count))
    exif = b"II*\0" + struct.pack("<I", 1 << 20) + b"x" * (1 << 20) + struct.pack("<H", count)
    tags = read_tags(exif + entries)
    assert sum(len(value) for value in tags.main.values()) <= len(Tag) << 20


def test_folders_that_point_to_each_other_end() -> None:
    entry = struct.pack("<HHII", Tag.EXIF_FOLDER, 4, 1, 8)
    exif = b"II*\0" + struct.pack("<IH", 8, 1) + entry
    assert read_tags(exif).gps == {}


def test_facts_are_those_of_the_opened_picture(tmp_path: Path) -> None:
    shared = [name for name in OpenedImage.__dataclass_fields__ if name != "image"]
    for name in make_odd_folder(tmp_path):
        data = Path(os.path.join(tmp_path, name)).read_bytes()
        opened, facts = open_image(data), read_facts(data)
        assert [getattr(opened, one) for one in shared] == [getattr(facts, one) for one in shared]
        assert opened.image.size == (facts.width, facts.height), name


@pytest.mark.parametrize("size", [(64, 48), (63, 47), (1, 1)])
@pytest.mark.parametrize("name", ["AVIF", "HEIF", "JPEG2000", "TIFF", "WEBP", "GIF", "BMP", "PPM"])
def test_sizes_are_read_from_headers(name: str, size: tuple[int, int]) -> None:
    if name == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
        size = max(size, (63, 47))
    for mode in ("RGB", "L"):
        data = encode(picture(3, size).convert(mode), name)
        facts = read_facts(data)
        assert (facts.width, facts.height) == size == open_image(data).image.size


def test_facts_of_what_is_no_picture(tmp_path: Path) -> None:
    headers = {"empty": "empty", "not-an-image": "not-an-image"}
    for name, reason in make_bad_folder(tmp_path).items():
        if reason in headers:
            with pytest.raises(ImageRejectedError) as caught:
                read_facts(Path(os.path.join(tmp_path, name)).read_bytes())
            assert caught.value.reason == reason


def test_texts_after_the_pixels_and_bombs_of_text_are_read_within_bounds() -> None:
    data = encode(picture(), "PNG")
    bombs = [
        png_chunk(b"zTXt", b"k%d\0\0" % i + zlib.compress(b"y" * (30 << 20))) for i in range(9)
    ]
    good = png_chunk(b"tEXt", b"Comment\0late")
    facts = read_facts(data[:-12] + b"".join(bombs) + good + data[-12:])
    assert facts.info == {"Comment": "late"}


def test_gif_comments_and_xmp() -> None:
    data = encode(picture(), "GIF", comment=b"hello")
    magic = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    extension = b"!\xff\x0bXMP DataXMP" + packet() + magic
    start = data.index(b"!\xfe")
    found = read_facts(data[:start] + extension + data[start:])
    assert (found.rating, found.info["comment"]) == (4, "hello")
