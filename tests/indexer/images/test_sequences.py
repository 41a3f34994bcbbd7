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
]


@pytest.mark.parametrize(("kind", "how"), KINDS)
def test_animations_and_pages_are_told_from_one_image(kind: str, how: dict[str, Any]) -> None:
    assert not has_several(_saved(kind, 1, **how))
    for images in (2, 3):
        assert has_several(_saved(kind, images, **how))


@pytest.mark.parametrize("kind", ["JPEG", "BMP", "PPM", "JPEG2000"])
def test_what_holds_one_image_at_most_has_not_several(kind: str) -> None:
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


def test_a_folder_that_leads_to_itself_ends() -> None:
    data = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 254, 4, 1, 1, 8)
    assert not has_several(data)
