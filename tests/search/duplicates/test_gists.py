"""Images of a few pixels tell pairs that may be copies, framed and set beside others too."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from benchmarks.attacks import ATTACKS
from tests.search.duplicates.drawing import draw, look
from vitrail.search.duplicates.candidates import alike_by_gist
from vitrail.search.duplicates.gists import gist_of, packed_gists, share_of_gists

OTHERS = {number: look(draw(number)) for number in range(100, 112)}
CHANGES = ["JPEG 30", "a quarter of the size", "mirrored", "text over it", "screenshot"]


def _pairs(one: Image.Image, other: Image.Image) -> list[tuple[int, int]]:
    looks = {1: look(one), 2: look(other), **OTHERS}
    return alike_by_gist({i: each.packed for i, each in looks.items()})


@pytest.mark.parametrize("attack", CHANGES)
@pytest.mark.parametrize("size", [(240, 180), (180, 240), (200, 200)])
def test_a_copy_is_met(attack: str, size: tuple[int, int]) -> None:
    image = draw(7, size)
    copy = ATTACKS[attack](image, draw(8), np.random.default_rng(3))
    assert (1, 2) in _pairs(image, copy)


@pytest.mark.parametrize("upright", [True, False])
def test_both_halves_of_a_collage_are_met(upright: bool) -> None:
    one, other = draw(7), draw(8)
    width, height = one.size
    made = Image.new("RGB", (2 * width, height) if upright else (width, 2 * height))
    made.paste(one)
    made.paste(ImageOps.mirror(other), (width, 0) if upright else (0, height))
    for half in (one, other):
        assert (1, 2) in _pairs(half, made)


def test_each_pair_is_met_once_and_none_with_itself() -> None:
    pairs = _pairs(draw(7), draw(7))
    assert pairs.count((1, 2)) == 1
    assert all(one < other for one, other in pairs)
    assert pairs == sorted(pairs)


def test_blank_images_are_met_by_none() -> None:
    white = packed_gists(np.ones((30, 40), np.float32))
    assert not alike_by_gist({1: white, 2: white})
    assert not alike_by_gist({})


def test_parts_of_gists_agree_as_images_do() -> None:
    ours, others = look(draw(3)), [each.gist for each in OTHERS.values()]
    assert share_of_gists(ours.gist, ours.gist) == pytest.approx(1)
    shrunk = look(draw(3).resize((60, 45)))
    assert share_of_gists(ours.gist, shrunk.gist) > 0.9
    assert np.median([share_of_gists(ours.gist, other) for other in others]) < 0.15


def test_a_gist_has_no_mean_and_unit_length() -> None:
    gist = gist_of(np.random.default_rng(1).random((50, 70)).astype(np.float32), 16)
    assert gist.shape == (16, 16)
    assert abs(gist.mean()) < 1e-6
    assert np.linalg.norm(gist) == pytest.approx(1, abs=1e-5)
    assert not gist_of(np.full((9, 9), 0.3, np.float32)).any()
