from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.generator.conftest import noise_image
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import Sampling
from vitrail.generator.images import InputImage
from vitrail.generator.models.pipelines import load_model
from vitrail.generator.tasks import inpaint
from vitrail.generator.tasks.masks import box_mask, image_mask, polygon_mask
from vitrail.generator.tasks.registry import run
from vitrail.indexer.errors import InputError

TWO_STEPS = Sampling(steps=2, scheduler="ddim")


@pytest.mark.parametrize("kind", ["ordinary", "nine", "wide"])
@pytest.mark.parametrize(
    ("size", "feather", "strength"),
    [((32, 32), 0, 1.0), ((45, 37), 3, 0.6), ((131, 60), 0, 1.0), ((9, 13), 0, 1.0)],
)
def test_other_pixels_stay_exactly(
    checkpoint: Callable[[str], CheckpointInfo],
    kind: str,
    size: tuple[int, int],
    feather: int,
    strength: float,
) -> None:
    info = checkpoint(kind)
    picture = noise_image(*size)
    corners = f"1,2 {size[0] - 2},3 {size[0] // 2},{size[1] - 1}"
    mask = polygon_mask(corners, size)
    (recipe,) = inpaint.plan(
        info, "x", picture, mask, feather=feather, strength=strength, sampling=TWO_STEPS
    )
    made = run(load_model(info), recipe, {"init": picture})
    before, after = np.asarray(picture.image), np.asarray(made.image)
    outside = np.asarray(mask.image) == 0
    assert made.image.size == size
    assert np.array_equal(before[outside], after[outside])
    assert (before[~outside] != after[~outside]).mean() > 0.5


def test_strength_zero_changes_nothing(ordinary: CheckpointInfo) -> None:
    picture = noise_image(40, 40)
    mask = box_mask("0,0,40,40", (40, 40))
    recipe = inpaint.plan(ordinary, "x", picture, mask, strength=0, sampling=TWO_STEPS)[0]
    made = run(load_model(ordinary), recipe, {"init": picture})
    assert made.image.tobytes() == picture.image.tobytes()


def test_nothing_of_the_hidden_part_shines_through(ordinary: CheckpointInfo) -> None:
    """At full strength, what was under the mask must not matter, up to the autoencoder's reach."""
    picture = noise_image(48, 48)
    other = picture.image.copy()
    ImageDraw.Draw(other).rectangle((0, 0, 15, 15), fill=(255, 0, 0))
    mask = box_mask("0,0,32,32", (48, 48))
    pictures = [picture, InputImage(other, "9" * 64)]
    results = []
    for given in pictures:
        recipe = inpaint.plan(ordinary, "x", given, mask, sampling=TWO_STEPS)[0]
        results.append(np.asarray(run(load_model(ordinary), recipe, {"init": given}).image, int))
    assert np.abs(results[0] - results[1]).max() <= 2


def test_an_image_mask_is_a_parent(ordinary: CheckpointInfo) -> None:
    picture = noise_image(32, 32)
    drawn = Image.new("RGB", (32, 32))
    ImageDraw.Draw(drawn).ellipse((4, 4, 20, 20), fill="white")
    source = InputImage(drawn, "5" * 64)
    recipe = inpaint.plan(ordinary, "x", picture, image_mask(source, (32, 32)), sampling=TWO_STEPS)[
        0
    ]
    assert [parent.role for parent in recipe.parents] == ["init", "mask"]
    made = run(load_model(ordinary), recipe, {"init": picture, "mask": source})
    assert made.image.size == (32, 32)


def test_bad_input_is_refused(ordinary: CheckpointInfo) -> None:
    picture = noise_image(32, 32)
    with pytest.raises(InputError, match="the mask is 30x32 and the image 32x32"):
        inpaint.plan(ordinary, "x", picture, box_mask("0,0,3,3", (30, 32)))
    mask = box_mask("0,0,3,3", (32, 32))
    with pytest.raises(InputError, match=r"strength 1\.5 is outside"):
        inpaint.plan(ordinary, "x", picture, mask, strength=1.5)
    with pytest.raises(InputError, match="feather -1 is out of range"):
        inpaint.plan(ordinary, "x", picture, mask, feather=-1)
    thin = noise_image(200, 2)
    with pytest.raises(InputError, match="the image is 200x2, too thin"):
        inpaint.plan(ordinary, "x", thin, box_mask("0,0,3,2", (200, 2)))
