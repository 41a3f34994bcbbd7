"""Pages that agree when small are no copies where their details differ; copies of them are."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tests.search.duplicates.drawing import draw, look
from vitrail.search.duplicates.details import detailed, with_details, worth_reading
from vitrail.search.duplicates.evidence import ALTERED, RE_ENCODED, CopyEvidence, lay_onto

Change = Callable[[Image.Image], Image.Image]
LETTERS = np.array([*"abcdefghijklmnopqrstuvwxyz    "])


def page(seed: int) -> Image.Image:
    """Lines of chance letters, as scans of a book have them."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (800, 1100), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(22)
    for y in range(80, 1010, 31):
        pen.text((70, y), "".join(rng.choice(LETTERS, 54)), fill="black", font=font)
    return image


def table(seed: int) -> Image.Image:
    """The same lines around other numbers."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (900, 600), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(18)
    for row in range(24):
        for column in range(8):
            x, y = 10 + column * 110, 10 + row * 24
            pen.rectangle((x, y, x + 110, y + 24), outline="grey")
            pen.text((x + 10, y + 2), f"{rng.integers(10_000, 99_999)}", fill="black", font=font)
    return image


def form(seed: int) -> Image.Image:
    """The same bar and lines, filled in otherwise."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (800, 1000), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(24)
    pen.rectangle((40, 40, 760, 120), fill=(30, 60, 120))
    pen.text((60, 56), "INVOICE", fill="white", font=ImageFont.load_default(40))
    for y in range(160, 920, 56):
        pen.line((60, y + 34, 740, y + 34), fill="black", width=2)
        pen.text((70, y), "".join(rng.choice(LETTERS, 30)), fill="navy", font=font)
    return image


def compressed(image: Image.Image) -> Image.Image:
    """As it comes out of a JPEG at quality 30."""
    file = BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file)


def compared(one: Image.Image, other: Image.Image) -> CopyEvidence | None:
    """By small pixels, then by details."""
    found = lay_onto(look(one), look(other))
    assert found is not None, "small pixels agree"
    assert worth_reading(one.size, other.size, found.alignment)
    return with_details(found, detailed(one, one.size), detailed(other, other.size))


@pytest.mark.parametrize("seeds", [(1, 2), (3, 4)])
def test_pages_of_other_text_are_no_copies(seeds: tuple[int, int]) -> None:
    assert compared(*map(page, seeds)) is None


def test_a_table_of_other_numbers_is_not_held_to_be_the_same_image() -> None:
    found = compared(table(1), table(2))
    assert found is not None
    assert found.tier == ALTERED
    assert "of the details changed" in found.says[-1]


def test_a_word_that_was_exchanged_is_told() -> None:
    changed = form(1)
    pen = ImageDraw.Draw(changed)
    pen.rectangle((60, 380, 700, 416), fill="white")
    pen.text((70, 384), "1,000,000", fill="navy", font=ImageFont.load_default(24))
    found = compared(form(1), changed)
    assert found is not None
    assert (found.tier, found.says[-1]) == (ALTERED, "a small part changed")


@pytest.mark.parametrize("image", [page(1), table(1), form(1), draw(1, (800, 600))])
@pytest.mark.parametrize(
    "change",
    [
        compressed,
        lambda image: image.resize((image.width // 2, image.height // 2)),
        lambda image: image.filter(ImageFilter.GaussianBlur(1.5)),
    ],
)
def test_what_is_only_encoded_anew_keeps_its_tier(image: Image.Image, change: Change) -> None:
    for found in (compared(image, change(image)), compared(change(image), image)):
        assert found is not None
        assert found.tier == RE_ENCODED


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        lambda image: image.rotate(8, Image.Resampling.BICUBIC, fillcolor="white"),
        lambda image: image.crop((60, 60, image.width - 100, image.height - 120)),
    ],
)
def test_altered_pages_are_copies_still(change: Change) -> None:
    found = compared(page(1), change(page(1)))
    assert found is not None
    assert found.tier == ALTERED


def test_few_pixels_tell_no_more() -> None:
    found = lay_onto(look(draw(1)), look(draw(1).resize((120, 90))))
    assert found is not None
    assert not worth_reading((240, 180), (120, 90), found.alignment)


def test_a_strip_that_agrees_says_less_than_the_whole() -> None:
    one, other = form(1), form(2)
    found = lay_onto(look(one), look(other))
    assert found is not None
    assert not found.alignment.mirrored  # the bars alone agree in all, upside down
    assert abs(found.alignment.degrees) < 2
