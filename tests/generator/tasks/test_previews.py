"""Half-made images: shown to who wants them, of no influence on what is drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from tests.generator.conftest import noise_image
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import Sampling
from vitrail.generator.models.pipelines import load_model
from vitrail.generator.monitoring import Monitor
from vitrail.generator.tasks import image_to_image, text_to_image
from vitrail.generator.tasks.registry import run

STEPS = Sampling(steps=4, scheduler="ddim", seed=3)


class Watching:
    """Wants every other image."""

    def __init__(self) -> None:
        self.asked, self.shown = 0, [Image.new("RGB", (1, 1))][:0]

    def wants(self) -> bool:
        self.asked += 1
        return self.asked % 2 == 1

    def show(self, image: Image.Image) -> None:
        self.shown.append(image)


@pytest.mark.parametrize("kind", ["ordinary", "xl", "lcm", "nine"])
def test_who_wants_half_made_images_sees_them(
    checkpoint: Callable[[str], CheckpointInfo], kind: str
) -> None:
    info = checkpoint(kind)
    model, watching = load_model(info, device="cpu"), Watching()
    sampling = Sampling(steps=4, seed=3)
    (recipe,) = text_to_image.plan(info, "a cat", sampling=sampling, width=32, height=32)
    plain = run(model, recipe)
    seen = run(model, recipe, monitor=Monitor(preview=watching))
    assert (np.asarray(seen.image) == np.asarray(plain.image)).all()
    assert watching.asked >= 3
    assert len(watching.shown) == (watching.asked + 1) // 2
    assert {(one.mode, one.size) for one in watching.shown} == {("RGB", (32, 32))}
    assert any((np.asarray(one) != np.asarray(seen.image)).any() for one in watching.shown)


def test_redrawing_shows_them_too(ordinary: CheckpointInfo) -> None:
    model, watching = load_model(ordinary, device="cpu"), Watching()
    init = noise_image(32, 32)
    (recipe,) = image_to_image.plan(ordinary, "a cat", init, strength=0.8, sampling=STEPS)
    run(model, recipe, {"init": init}, Monitor(preview=watching))
    assert watching.asked == 2  # of three steps, the last of which is the image
    assert [one.size for one in watching.shown] == [(32, 32)]


def test_what_a_checker_has_not_seen_is_not_shown(
    checkpoint: Callable[[str], CheckpointInfo],
) -> None:
    info, watching = checkpoint("safe"), Watching()
    (recipe,) = text_to_image.plan(info, "a cat", sampling=STEPS)
    run(load_model(info, device="cpu"), recipe, monitor=Monitor(preview=watching))
    assert watching.asked == 0
