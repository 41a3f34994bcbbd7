"""A certificate passes what is near its source, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.indexer.encoders.tiny import pixels, save_classifier
from vitrail.indexer.encoders.checkpoints import Checkpoint, find_encoder_checkpoint
from vitrail.indexer.encoders.exports import certificate_checksum
from vitrail.indexer.encoders.torch_encoder import build_tower
from vitrail.indexer.encoders.tower import Tower
from vitrail.indexer.export.certificate import (
    FLOORS,
    Certificate,
    Embedded,
    head_agreement,
    kept_share,
    measure,
)
from vitrail.indexer.export.plot import draw

SPACES = ("cls@3", "gem@2", "mean@1")
IMAGES = 60


def noisy(rows: NDArray[np.float32], by: float, seed: int = 0) -> NDArray[np.float32]:
    moved = rows + np.random.default_rng(seed).normal(0, by, rows.shape).astype(np.float32)
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    folder = tmp_path_factory.mktemp("vit")
    save_classifier("vit", folder)
    return find_encoder_checkpoint(str(folder))


@pytest.fixture
def tower(checkpoint: Checkpoint) -> Tower:
    return build_tower(checkpoint, checkpoint.select(SPACES), classify=True)


def embedded(tower: Tower, order: tuple[int, ...] = (0, 1, 2)) -> Embedded:
    """What a graph with this tower in it makes, its outputs in some order."""
    images = pixels(IMAGES)
    random = np.random.default_rng(3)
    altered = images.astype(np.int16) + random.integers(-20, 21, images.shape)
    with torch.inference_mode():
        made = [one.numpy() for one in tower(torch.from_numpy(images))]
        copies = [one.numpy() for one in tower(torch.from_numpy(altered.clip(0, 255).astype("u1")))]
    return Embedded(
        {name: made[order[i]] for i, name in enumerate(SPACES)},
        {name: copies[order[i]] for i, name in enumerate(SPACES)},
        made[3].argmax(axis=1).astype(np.int64),
    )


def certificate(
    checkpoint: Checkpoint, before: Embedded, now: Embedded, precision: str
) -> Certificate:
    return Certificate(
        target="openvino",
        precision=precision,
        model="0" * 64,
        source=checkpoint.fingerprint(checkpoint.select(SPACES)),
        images=IMAGES,
        copies=IMAGES,
        spaces=measure(before, now, np.arange(IMAGES), SPACES),
        head=head_agreement(before, now),
    )


@pytest.mark.parametrize("precision", FLOORS)
def test_the_source_itself_passes_every_floor(
    checkpoint: Checkpoint, tower: Tower, precision: str
) -> None:
    made = embedded(tower)
    found = certificate(checkpoint, made, embedded(tower), precision)
    assert found.failed == ()
    assert found.head == 1.0
    assert all(one.mixed == one.alone == 1.0 for one in found.spaces.values())


def wrong_mean(tower: Tower) -> None:
    tower.mean = [255.0 * value for value in (0.5, 0.4, 0.6)]


def wrong_std(tower: Tower) -> None:
    tower.scale = [value * 1.3 for value in tower.scale]


def dropped_layer(tower: Tower) -> None:
    tower.blocks[0] = tower.blocks[1]


def no_final_norm(tower: Tower) -> None:
    tower.norm = None


@pytest.mark.parametrize("break_it", [wrong_mean, wrong_std, dropped_layer, no_final_norm])
def test_a_broken_conversion_is_caught(
    checkpoint: Checkpoint, tower: Tower, break_it: Callable[[Tower], None]
) -> None:
    before = embedded(tower)
    break_it(tower)
    found = certificate(checkpoint, before, embedded(tower), "fp32")
    assert found.failed
    assert any("cosine" in line for line in found.failed)


@pytest.mark.parametrize("precision", FLOORS)
def test_swapped_spaces_are_caught_in_every_precision(
    checkpoint: Checkpoint, tower: Tower, precision: str
) -> None:
    swapped = embedded(tower, (1, 0, 2))
    found = certificate(checkpoint, embedded(tower), swapped, precision)
    assert {line.split()[3] for line in found.failed if "cosine" in line} >= {"cls@3", "gem@2"}


def test_a_head_that_says_otherwise_is_caught(checkpoint: Checkpoint, tower: Tower) -> None:
    before = embedded(tower)
    linear = tower.head.linears[0] if tower.head is not None else None
    assert isinstance(linear, torch.nn.Linear)
    linear.weight = torch.nn.Parameter(linear.weight.roll(1, 0), requires_grad=False)
    found = certificate(checkpoint, before, embedded(tower), "int4")
    assert [line for line in found.failed if "head" in line]


def test_the_file_tells_all_and_is_held_by_its_checksum(
    checkpoint: Checkpoint, tower: Tower
) -> None:
    before = embedded(tower)
    told = json.loads(certificate(checkpoint, before, before, "int8").to_json())
    assert told["checksum"] == certificate_checksum(told)
    assert told["spaces"]["cls@3"]["overlap"] == 1.0
    assert told["source"] == checkpoint.fingerprint(checkpoint.select(SPACES)).digest
    told["failed"] = ["nothing"]
    assert told["checksum"] != certificate_checksum(told)


def test_the_plot_names_every_space_and_whether_it_is_good(
    checkpoint: Checkpoint, tower: Tower, tmp_path: Path
) -> None:
    before = embedded(tower)
    good = draw(certificate(checkpoint, before, before, "int8"))
    bad = draw(certificate(checkpoint, before, embedded(tower, (1, 0, 2)), "int8"))
    assert all(name in good for name in SPACES)
    assert "certified; 60 images" in good
    assert "falls short" in bad


@given(st.integers(12, 40), st.floats(0.0, 0.2), st.integers(0, 9))
def test_overlap_is_a_share_and_one_of_the_same(n: int, by: float, seed: int) -> None:
    rows = noisy(np.zeros((n, 8), np.float32), 1.0, seed)
    other = noisy(rows, by, seed + 1)
    assert kept_share(rows, rows, rows, rows) == 1.0
    share = kept_share(rows, rows, other, other)
    assert 0 <= share <= 1
    assert share == pytest.approx(kept_share(other, other, rows, rows))


def test_overlap_counts_the_ten_nearest_without_the_image_itself() -> None:
    angles = np.linspace(0, 1, 30, dtype=np.float32)
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    far = rows.copy()
    far[29] = (-1, 0)  # one image has gone elsewhere
    share = kept_share(rows, rows, far, far)
    was_among = sum(29 in set(np.argsort(-(rows @ rows[i]))[1:11].tolist()) for i in range(29))
    assert share < 1
    assert share >= 1 - (was_among + 10) / 300
