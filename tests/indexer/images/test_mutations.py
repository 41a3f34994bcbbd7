"""Thousands of damaged files of every format: rejects, and never more memory than the budget."""

from __future__ import annotations

import functools
import io
import random
from pathlib import Path

import psutil
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from tests.badfiles import encode, picture
from tests.indexer.images.test_facts import blocks, exif_of, packet, records, with_segment
from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images import decoder_process
from vitrail.indexer.images.budget import MemoryBudget
from vitrail.indexer.images.facts import read_facts
from vitrail.indexer.images.opening import REASONS, open_image

BUDGET = 128 << 20
SHARE, ALL = 400, 6_000


@functools.cache
def seeds() -> tuple[bytes, ...]:
    """One file of each format and of most modes, full of metadata."""
    exif = exif_of(rating=3, words="a;b")
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "a\nSteps: 3, Seed: 4, Sampler: x", zip=True)
    texts.add_itxt("XML:com.adobe.xmp", packet().decode())
    rgba = picture(2).convert("RGBA")
    rgba.putalpha(Image.linear_gradient("L").resize(rgba.size))
    rich: dict[str, object] = {"exif": exif, "icc_profile": srgb, "xmp": packet()}
    jpeg = encode(picture(1), "JPEG", comment=b"a comment", **rich)
    frames = [picture(seed) for seed in (3, 4, 5)]
    animated = {"save_all": True, "append_images": frames[1:]}
    made = [
        with_segment(jpeg, 0xED, b"Photoshop 3.0\0" + blocks(records(b"owl"))),
        encode(picture(6), "JPEG", progressive=True),
        encode(picture(7).convert("CMYK"), "JPEG"),
        encode(picture(8), "PNG", pnginfo=texts, exif=exif, icc_profile=srgb),
        *(encode(rgba.convert(mode), "PNG") for mode in ("RGBA", "LA", "P", "1", "I;16")),
        encode(frames[0], "PNG", **animated),
        encode(frames[0].quantize(16), "GIF", comment=b"hello", **animated),
        encode(rgba, "WEBP", **rich),
        encode(frames[0], "WEBP", **animated),
        encode(picture(9), "BMP"),
        encode(picture(10), "PPM"),
        b"P3 3 2 255 # plain\n" + b"1 2 3 " * 6,
        *(encode(rgba.convert(mode), "TIFF") for mode in ("RGB", "RGBA", "F", "CMYK")),
        encode(rgba, "TIFF", compression="tiff_lzw"),
        encode(rgba, "AVIF", **rich),
        encode(rgba, "JPEG2000"),
    ]
    return (*made, *_heif(rich))


def _heif(options: dict[str, object]) -> list[bytes]:
    try:
        import pillow_heif
    except ImportError:
        return []
    pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    picture(11, (64, 64)).save(buffer, "HEIF", **options)
    return [buffer.getvalue()]


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Bytes changed, cut, doubled, moved, or lengths blown up; mostly near the front."""
    content = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        near = rng.choice((64, 400, len(content)))
        at = rng.randrange(max(1, min(near, len(content))))
        kind = rng.randrange(6)
        if kind == 0:
            content[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            content[at : at + 4] = rng.choice(
                (b"\xff" * 4, b"\0" * 4, b"\0\0\xff\xff", b"\x7f" * 4)
            )
        elif kind == 2:
            content[at:at] = content[at : at + rng.randrange(1, 200)]
        elif kind == 3:
            del content[at : at + rng.randrange(1, 40)]
        elif kind == 4:
            content[at:at] = rng.randbytes(rng.randrange(1, 40))
        else:
            content[at] ^= 1 << rng.randrange(8)
    return bytes(content[: rng.randrange(len(content) + 1)] if rng.random() < 0.1 else content)


def peak(process: psutil.Process) -> int:
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def attack(count: int, seed: int) -> dict[str, int]:
    """Open that many mutations; how many ended how."""
    rng = random.Random(seed)
    told: dict[str, int] = {}
    budget = MemoryBudget(BUDGET)
    for number in range(count):
        reason = outcome(mutate(seeds()[number % len(seeds())], rng), budget)
        assert reason in ("RGB", *REASONS)
        told[reason] = told.get(reason, 0) + 1
    assert budget._left == BUDGET
    return told


def outcome(data: bytes, budget: MemoryBudget) -> str:
    try:
        opened = open_image(data, budget=budget)
    except ImageRejectedError as error:
        return "two lines" if "\n" in error.detail else error.reason
    facts = read_facts(data)
    return opened.image.mode if opened.image.size == (facts.width, facts.height) else facts.format


def check(count: int, seed: int) -> None:
    for data in seeds():
        open_image(data)
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")
    before = psutil.Process().memory_info().rss
    told = attack(count, seed)
    print(told)
    assert sum(told.values()) == count
    assert told["RGB"] > count // 10
    assert peak(psutil.Process()) - before <= BUDGET + (64 << 20)
    most = BUDGET + decoder_process.SPARE_MEMORY + (128 << 20)  # and what Python itself takes
    assert all(peak(process._seen) <= most for process in decoder_process._idle)


def test_damaged_files_are_rejects_within_the_budget() -> None:
    check(SHARE, seed=1)


@pytest.mark.slow
def test_thousands_of_damaged_files_are() -> None:
    check(ALL, seed=2)
