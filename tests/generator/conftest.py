"""Tiny checkpoints, written once a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vitrail.generator.checkpoints.files import CheckpointInfo, find_checkpoint
from vitrail.generator.images import InputImage


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITRAIL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], CheckpointInfo]:
    """Tiny checkpoints by kind, each built when first asked for."""
    from tests.generator import tiny

    kinds: dict[str, Callable[[Path], Path]] = {
        "ordinary": tiny.build_sd,
        "safe": lambda folder: tiny.build_sd(folder, safety=True),
        "wide": lambda folder: tiny.build_sd(folder, latent_channels=8, scheduler="DDIMScheduler"),
        "nine": lambda folder: tiny.build_sd(folder, inpainting=True),
        "xl": tiny.build_xl,
        "lcm": tiny.build_lcm,
    }
    root = tmp_path_factory.mktemp("checkpoints")

    def get(kind: str) -> CheckpointInfo:
        folder = root / kind
        if not folder.exists():
            kinds[kind](folder)
        return find_checkpoint(str(folder))

    return get


@pytest.fixture
def ordinary(checkpoint: Callable[[str], CheckpointInfo]) -> CheckpointInfo:
    return checkpoint("ordinary")


def noise_image(width: int, height: int, seed: int = 0) -> InputImage:
    """A picture of random pixels; its hash is made up."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return InputImage(Image.fromarray(pixels), f"{seed:064x}")
