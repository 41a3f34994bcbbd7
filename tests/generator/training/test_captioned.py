from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.generator.training.lessons import paint
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.models.libraries import quiet
from vitrail.generator.models.pipelines import load_pipeline
from vitrail.generator.training.captioned import (
    cut_square,
    encode_captions,
    encode_images,
    keep_captions,
    read_cut,
)
from vitrail.indexer.errors import InputError

Checkpoints = Callable[[str], CheckpointInfo]


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([8, 32, 64]))
def test_a_square_is_the_middle_whatever_the_image(width: int, height: int, side: int) -> None:
    cut = cut_square(Image.new("RGB", (width, height), "red"), side)
    assert cut.pixels.size == (side, side)
    assert cut.pixels.getpixel((side // 2, side // 2)) == (255, 0, 0)
    found_height, found_width, top, left, *target = cut.place
    assert (found_width, found_height) == (width, height)
    assert target == [side, side]
    assert min(top, left) == 0


def test_what_is_cut_off_is_the_same_on_both_sides() -> None:
    image = Image.new("RGB", (64, 32), "white")
    image.paste(Image.new("RGB", (32, 32), "blue"), (16, 0))
    cut = cut_square(image, 32)
    assert np.unique(np.asarray(cut.pixels)[:, 2:-2].reshape(-1, 3), axis=0).tolist() == [
        [0, 0, 255]
    ]
    assert cut.place == (32, 64, 0, 16, 32, 32)


def test_an_image_that_changed_since_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (one,) = paint(tmp_path, 1)
    assert read_cut(one, 32).pixels.size == (32, 32)
    with pytest.raises(InputError, match=r"another file than when the run began.*run the same com"):
        read_cut(replace(one, sha256="0" * 64), 32)
    Path(one.path).unlink()
    with pytest.raises(InputError, match="cannot be learned from any more"):
        read_cut(one, 32)


def test_latents_are_the_autoencoders_and_mirrored_ones_beside(
    checkpoint: Checkpoints, tmp_path: Path
) -> None:
    info, images, told = checkpoint("ordinary"), paint(tmp_path, 5), list[int]()
    pipeline = load_pipeline(info)
    kept = encode_images(pipeline, images, 32, mirror=True, tell=told.append)
    assert told == [4, 5]
    assert kept.mean.shape == (2, 5, 4, 16, 16)
    assert len(kept) == 5
    cut = read_cut(images[4], 32).pixels
    for way, image in enumerate((cut, cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT))):
        pixels = torch.from_numpy(np.asarray(image, np.float32) / 127.5 - 1).permute(2, 0, 1)
        with torch.no_grad():
            found = pipeline.vae.encode(pixels[None]).latent_dist
        assert torch.allclose(found.mean[0], kept.mean[way, 4], atol=1e-5)
        assert torch.allclose(found.std[0], kept.deviation[way, 4], atol=1e-5)


@pytest.mark.parametrize("kind", ["ordinary", "xl"])
def test_captions_are_told_as_the_pipeline_tells_them(checkpoint: Checkpoints, kind: str) -> None:
    with quiet():
        pipeline = load_pipeline(checkpoint(kind))
        captions = ["", *(f"a red apple {number}" for number in range(5))]
        kept = keep_captions(pipeline, captions, lambda _: None)
        with torch.no_grad():
            again = encode_captions(pipeline, captions[3:4])
    assert torch.allclose(kept.chosen(torch.tensor([3])).hidden, again.hidden, atol=1e-6)
    if kind == "ordinary":
        assert kept.pooled is None
        assert kept.hidden[0].abs().max() > 0
        return
    assert kept.pooled is not None
    assert again.pooled is not None
    assert torch.allclose(kept.pooled[3], again.pooled[0], atol=1e-6)
    # what SDXL is guided away from is nothing at all
    assert pipeline.config["force_zeros_for_empty_prompt"]
    assert kept.hidden[0].abs().max() == 0
    assert kept.pooled[0].abs().max() == 0
