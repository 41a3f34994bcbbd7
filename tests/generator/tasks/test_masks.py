from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vitrail.generator.images import open_input_image
from vitrail.generator.tasks.masks import (
    Mask,
    box_mask,
    coarse,
    composite,
    image_mask,
    polygon_mask,
)
from vitrail.indexer.errors import InputError

SIZE = (20, 10)


def read(path: Path, role: str = "mask") -> Mask:
    return image_mask(open_input_image(path, role=role), SIZE)


def test_box() -> None:
    mask = box_mask("2, 1, 5, 4", SIZE)
    marked = np.asarray(mask.image) == 255
    assert marked.sum() == 9
    assert marked[1:4, 2:5].all()
    assert (mask.kind, mask.shape) == ("box", "2,1,5,4")


def test_polygon() -> None:
    mask = polygon_mask("0,0 9,0 9,9 0,9", SIZE)
    assert (np.asarray(mask.image) == 255).sum() == 100
    assert mask.kind == "polygon"


def test_image(tmp_path: Path) -> None:
    drawn = Image.new("L", SIZE)
    drawn.paste(200, (0, 0, 3, 3))
    drawn.paste(100, (5, 5, 8, 8))
    drawn.save(tmp_path / "mask.png")
    mask = read(tmp_path / "mask.png")
    assert (np.asarray(mask.image) == 255).sum() == 9
    assert mask.image.getextrema() == (0, 255)
    assert mask.record(0).content_hash == box_mask("0,0,3,3", SIZE).record(0).content_hash


@pytest.mark.parametrize("text", ["5,1,5,4", "-1,0,3,3", "0,0,21,3", "4,4,2,2"])
def test_boxes_outside_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="does not lie in the 20x10 image"):
        box_mask(text, SIZE)


def test_other_bad_masks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="three or more"):
        polygon_mask("1,1 2,2", SIZE)
    with pytest.raises(InputError, match="mask 50,50 60,50 60,60 marks nothing"):
        polygon_mask("50,50 60,50 60,60", SIZE)
    Image.new("L", SIZE).save(tmp_path / "black.png")
    with pytest.raises(InputError, match=r"mask '.*black\.png' marks nothing"):
        read(tmp_path / "black.png")
    Image.new("L", (3, 3), 255).save(tmp_path / "small.png")
    with pytest.raises(InputError, match=r"mask '.*small\.png' is 3x3 and the image 20x10"):
        read(tmp_path / "small.png")
    (tmp_path / "torn.png").write_bytes((tmp_path / "small.png").read_bytes()[:40])
    with pytest.raises(InputError, match=r"--mask '.*torn\.png' cannot be used: .*; give an"):
        read(tmp_path / "torn.png", "--mask")


@given(st.integers(0, 31), st.integers(0, 23))
def test_no_pixel_is_lost_to_the_latents(x: int, y: int) -> None:
    mask = box_mask(f"{x},{y},{x + 1},{y + 1}", (32, 24))
    cells = coarse(mask.image, 8)
    assert cells.shape == (3, 4)
    assert cells.sum() == 1
    assert cells[y // 8, x // 8] == 1


@given(st.integers(0, 12), st.integers(0, 2**32 - 1))
def test_composite_feathers_inside_only(feather: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    below, above = (
        Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)) for _ in range(2)
    )
    mask = box_mask("4,4,22,20", (24, 24)).image
    mixed = np.asarray(composite(below, above, mask, feather))
    inside = np.asarray(mask) == 255
    assert np.array_equal(mixed[~inside], np.asarray(below)[~inside])
    if feather == 0:
        assert np.array_equal(mixed[inside], np.asarray(above)[inside])
    low = np.minimum(np.asarray(below), np.asarray(above))
    high = np.maximum(np.asarray(below), np.asarray(above))
    assert ((low <= mixed) & (mixed <= high)).all()
