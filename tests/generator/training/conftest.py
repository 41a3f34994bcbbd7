from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from vitrail.generator.training.autoencoder import AutoencoderSize
from vitrail.generator.training.diffusion import DiffusionSize
from vitrail.generator.training.emoji import Emoji, EmojiImage, find_font
from vitrail.generator.training.loop import TrainingPlan
from vitrail.generator.training.stages import RunSettings
from vitrail.indexer.errors import InputError

SHAPES = ("red square", "blue square", "green circle", "black circle", "tall tower", "wide wall")


@pytest.fixture(scope="session")
def font() -> Path:
    try:
        return find_font()
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def images() -> list[EmojiImage]:
    """Six 16x16 images that need no font."""
    drawn = []
    for index, name in enumerate(SHAPES):
        image = Image.new("RGB", (16, 16), "white")
        colour = ("red", "blue", "green", "black", "orange", "purple")[index]
        ImageDraw.Draw(image).rectangle((2, 2 + index, 13 - index, 13), fill=colour)
        drawn.append(EmojiImage(Emoji(chr(65 + index), name, (name[::-1],)), image))
    return drawn


def plan(steps: int, save_every: int = 2) -> TrainingPlan:
    return TrainingPlan(
        steps=steps, learning_rate=1e-3, warmup=1, save_every=save_every, log_every=1
    )


def tiny(steps: int, workers: int = 1) -> RunSettings:
    return RunSettings(
        autoencoder_size=AutoencoderSize(widths=(8, 8, 8), latent_channels=4, side=16, groups=2),
        diffusion_size=DiffusionSize(
            text_width=24, text_layers=1, heads=2, widths=(16, 16), time_width=16, groups=2
        ),
        autoencoder=plan(steps),
        text=plan(steps),
        diffusion=plan(steps),
        autoencoder_batch=4,
        batch=4,
        vocabulary=600,
        workers=workers,
    )
