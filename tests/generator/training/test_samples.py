from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.models.pipelines import load_pipeline
from vitrail.generator.training.images import to_images, to_tensor
from vitrail.generator.training.samples import Sampler, draw_prior, write_sheet
from vitrail.indexer.errors import CancelledError


@pytest.fixture
def sampler(ordinary: CheckpointInfo) -> Sampler:
    return Sampler(load_pipeline(ordinary), replace(ordinary, steps=2), 32)


def opened(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.array(image)


def test_a_sheet_has_a_captioned_row_of_seeds_for_each_prompt(
    sampler: Sampler, tmp_path: Path
) -> None:
    own = sampler.pipeline.scheduler
    path = tmp_path / "sheets" / "step-1.png"
    write_sheet(sampler, ["a cat", "a dog"], (0, 1), str(path), lambda: None)
    assert opened(path).shape[1] == 2 * (2 * 64 + 4)
    assert sampler.pipeline.scheduler is own  # whose configuration is saved with the model
    one, again = (sampler.draw("a cat", [7], lambda: None)[0] for _ in range(2))
    assert np.array_equal(np.asarray(one), np.asarray(again))


def test_an_image_is_redrawn_as_the_autoencoder_has_it(sampler: Sampler) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    image = Image.fromarray(pixels)
    redrawn = sampler.redraw(image)
    assert (redrawn.mode, redrawn.size) == ("RGB", image.size)
    vae = sampler.pipeline.vae
    with torch.no_grad():
        latents = vae.encode(to_tensor([image])).latent_dist.mode()
        (expected,) = to_images(vae.decode(latents).sample)
    apart = np.asarray(redrawn, np.int16) - np.asarray(expected, np.int16)
    assert np.abs(apart).max() <= 1  # rounding
    assert sampler.redraw(image).tobytes() == redrawn.tobytes()  # without chance


def test_who_stops_within_a_sheet_leaves_no_half_of_one(sampler: Sampler, tmp_path: Path) -> None:
    def stop() -> None:
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        write_sheet(sampler, ["a cat"], (0,), str(tmp_path / "sheets" / "a.png"), stop)
    assert not (tmp_path / "sheets").exists()


def test_a_prior_that_was_begun_is_gone_on_with(sampler: Sampler, tmp_path: Path) -> None:
    folder, told = tmp_path / "prior", list[int]()
    first = draw_prior(sampler, "a cat", 2, str(folder), lambda _: None, lambda: None)
    Image.new("RGB", (3, 3)).save(first[0])
    made = draw_prior(sampler, "a cat", 3, str(folder), told.append, lambda: None)
    assert [path.name for path in made] == ["0000.png", "0001.png", "0002.png"]
    assert told == [0, 1, 2]
    assert opened(made[0]).shape == (3, 3, 3)  # what is there stays
    one, other = map(opened, made[1:])
    assert other.shape == (32, 32, 3)
    assert not np.array_equal(one, other)


def test_who_stops_within_an_image_of_the_prior_does_not_wait_for_it(
    sampler: Sampler, tmp_path: Path
) -> None:
    def stop() -> None:
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        draw_prior(sampler, "a cat", 2, str(tmp_path / "prior"), lambda _: None, stop)
    assert not list((tmp_path / "prior").iterdir())
