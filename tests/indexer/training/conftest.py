"""A tiny ViT, and images of stripes whose labels can be told by their direction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.indexer.encoders.tiny import save_tower
from vitrail.indexer.encoders.checkpoints import Checkpoint, find_encoder_checkpoint
from vitrail.indexer.training.samples import LabelledImage

CLASSES = ("across", "down")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vit")
    save_tower("vit", folder)
    return folder


@pytest.fixture(scope="session")
def checkpoint(vit: Path) -> Checkpoint:
    return find_encoder_checkpoint(str(vit))


def striped(target: int, number: int) -> Image.Image:
    """Stripes across or down, in colours and of a phase of their own."""
    chance = np.random.default_rng([target, number])
    colours = chance.integers(0, 256, (2, 3))
    phase, width = int(chance.integers(0, 8)), int(chance.integers(3, 6))
    at = (np.arange(40) + phase) // width % 2
    rows = colours[at][:, None, :].repeat(40, axis=1)
    pixels = rows if target == 0 else rows.transpose(1, 0, 2)
    return Image.fromarray(pixels.astype(np.uint8))


def write_images(folder: Path, each: int, first: int = 0) -> list[LabelledImage]:
    """So many images of each label as folder/LABEL/NUMBER.png."""
    made = []
    for target, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(first, first + each):
            path = folder / name / f"{number}.png"
            striped(target, number).save(path)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            made.append(LabelledImage(str(path), digest, target))
    return made


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    return write_images(tmp_path_factory.mktemp("striped"), 8)


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    return write_images(tmp_path_factory.mktemp("others"), 4, first=100)
