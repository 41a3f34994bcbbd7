from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image, PngImagePlugin

from tests.generator.conftest import noise_image
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import Sampling
from vitrail.generator.models.pipelines import DiffusionModel, load_model
from vitrail.generator.reproduction import reproduce
from vitrail.generator.tasks import image_to_image, text_to_image
from vitrail.generator.tasks.registry import run
from vitrail.indexer.errors import InputError
from vitrail.indexer.recipes.png import encode_png, read_png
from vitrail.indexer.recipes.recipe import GeneratedImage, Parent, Recipe

TWO_STEPS = Sampling(steps=2, seed=3)


def load(recipe: Recipe) -> DiffusionModel:
    return load_model(recipe.checkpoint)


def lost(_: Parent) -> None:
    return None


def test_the_same_machine_gives_the_same_bytes(ordinary: CheckpointInfo) -> None:
    picture = noise_image(32, 32)
    recipe = image_to_image.plan(ordinary, "a", picture, sampling=TWO_STEPS)[0]
    original = encode_png(run(load(recipe), recipe, {"init": picture}))
    found = reproduce(original, load, lambda parent: picture)
    assert found.bytes_equal
    assert found.pixels_equal
    assert found.mean_difference == 0
    assert found.versions == ()
    with pytest.raises(InputError, match="missing: bring its file back"):
        reproduce(original, load, lost)


def test_changed_versions_and_pixels_are_told(ordinary: CheckpointInfo) -> None:
    recipe = text_to_image.plan(ordinary, "a", sampling=TWO_STEPS)[0]
    made = run(load(recipe), recipe)
    old = replace(made.recipe, versions=made.recipe.versions | {"torch": "1.0"})
    found = reproduce(encode_png(replace(made, recipe=old)), load, lost)
    assert found.bytes_equal  # the picture is the same, whatever the versions
    assert [(d.name, d.then) for d in found.versions] == [("torch", "1.0")]
    image = made.image.copy()
    image.putpixel((0, 0), (0, 0, 0))
    other = encode_png(GeneratedImage(image, made.recipe, made.nsfw, 0.0))
    found = reproduce(other, load, lost)
    assert not found.bytes_equal
    assert not found.pixels_equal
    assert found.mean_difference is not None
    assert 0 < found.mean_difference < 1


def test_the_same_pixels_coded_otherwise_are_told(ordinary: CheckpointInfo) -> None:
    recipe = text_to_image.plan(ordinary, "a", sampling=TWO_STEPS)[0]
    original = encode_png(run(load(recipe), recipe))
    with Image.open(io.BytesIO(original)) as image:
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt("vitrail", str(image.info["vitrail"]))
        buffer = io.BytesIO()
        image.save(buffer, "PNG", pnginfo=chunks, compress_level=1)
    assert read_png(buffer.getvalue())[1].recipe.identity == recipe.identity
    found = reproduce(buffer.getvalue(), load, lost)
    assert (found.bytes_equal, found.pixels_equal) == (False, True)


def test_other_files_are_refused() -> None:
    with pytest.raises(InputError, match="no readable PNG"):
        reproduce(b"GIF89a", load, lost)
