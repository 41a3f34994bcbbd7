from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.indexer.training.conftest import write_images
from vitrail.indexer.encoders.checkpoints import Checkpoint
from vitrail.indexer.errors import InputError
from vitrail.indexer.training.learning_options import Augmentation
from vitrail.indexer.training.samples import LabelledImage, TrainingImages, drawn


@given(st.integers(1, 20), st.integers(1, 30), st.integers(0, 3))
def test_each_image_is_drawn_once_an_epoch(count: int, batch: int, seed: int) -> None:
    steps = -(-3 * count // batch)
    places, epochs = (
        np.concatenate(one)
        for one in zip(*(drawn(count, step, batch, seed) for step in range(steps)), strict=True)
    )
    for epoch in range(3):
        assert sorted(places[epochs == epoch].tolist()) == list(range(count))


def test_another_epoch_and_another_seed_draw_otherwise() -> None:
    orders = {tuple(drawn(20, step, 20, seed)[0].tolist()) for step in (0, 1) for seed in (0, 1)}
    assert len(orders) == 4


def test_pixels_depend_on_epoch_and_view_and_on_nothing_that_came_before(
    checkpoint: Checkpoint, images: Sequence[LabelledImage]
) -> None:
    one = TrainingImages(images, checkpoint.preprocess, "strong", seed=3)
    other = TrainingImages(images, checkpoint.preprocess, "strong", seed=3, held=0)
    other.augmented(0, 9)
    seen = [one.augmented(5, epoch, view) for epoch in (0, 1) for view in (0, 1)]
    again = [other.augmented(5, epoch, view) for epoch in (0, 1) for view in (0, 1)]
    assert all((a == b).all() for a, b in zip(seen, again, strict=True))
    assert len({pixels.tobytes() for pixels in seen}) == 4
    assert seen[0].shape == (32, 32, 3)


def test_without_augmentation_an_image_is_seen_as_in_use(
    checkpoint: Checkpoint, images: Sequence[LabelledImage]
) -> None:
    plain = TrainingImages(images, checkpoint.preprocess)
    assert (plain.augmented(3, 0) == plain.plain(3)).all()


@pytest.mark.parametrize("augmentation", ["none", "light"])
def test_of_another_side_the_same_is_seen(
    augmentation: Augmentation, checkpoint: Checkpoint, images: Sequence[LabelledImage]
) -> None:
    seen = TrainingImages(images, checkpoint.preprocess, augmentation, seed=3)
    places = range(len(images))
    whole = np.stack([seen.augmented(place, 1) for place in places])
    half = np.stack([seen.augmented(place, 1, side=16) for place in places])
    assert half.shape == (len(images), 16, 16, 3)
    averaged = whole.reshape(-1, 16, 2, 16, 2, 3).mean(axis=(2, 4))
    spread = np.abs(averaged - averaged.mean(axis=(1, 2), keepdims=True)).mean()
    assert np.abs(averaged - half).mean() < 0.25 * spread


def test_a_file_that_is_gone_or_another_one_is_named(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    (one, *_) = write_images(tmp_path, 1)
    changed = TrainingImages([replace(one, sha256="0" * 64)], checkpoint.preprocess)
    with pytest.raises(InputError, match=r"0\.png.*another file.*run the same command to go on"):
        changed.plain(0)
    Path(one.path).unlink()
    with pytest.raises(InputError, match=r"0\.png.*no longer there"):
        TrainingImages([one], checkpoint.preprocess, "light").augmented(0, 0)
