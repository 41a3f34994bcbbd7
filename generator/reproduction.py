"""Reproducing: a recipe run again, and what came of it compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from PIL import Image

from vitrail.generator.images import InputImage
from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.generator.monitoring import UNMONITORED, Monitor
from vitrail.generator.tasks.registry import run
from vitrail.indexer.recipes.png import encode_png, read_png
from vitrail.indexer.recipes.recipe import Parent, Recipe

FindParent = Callable[[Parent], InputImage | None]
"""Finds the image that a recipe names, ``None`` if it is gone."""


class Difference(NamedTuple):
    """A version that changed; ``None`` where it was not known."""

    name: str
    then: str | None
    now: str | None


@dataclass(frozen=True)
class Reproduction:
    """A recipe run again.

    Attributes:
        image: what it gives now, RGB.
        recipe: with the versions of now.
        bytes_equal: the PNG files are the same to the byte, versions aside.
        pixels_equal: the images are the same.
        mean_difference: mean absolute difference of the pixel values, 0 to 255; ``None`` if the
            sizes differ.
        versions: what changed since, of libraries, device and precision.
    """

    image: Image.Image
    recipe: Recipe
    bytes_equal: bool
    pixels_equal: bool
    mean_difference: float | None
    versions: tuple[Difference, ...]


def reproduce(
    original: bytes,
    load: Callable[[Recipe], DiffusionModel],
    find_parent: FindParent,
    monitor: Monitor = UNMONITORED,
) -> Reproduction:
    """Run the recipe of one of our PNG files again and compare.

    Args:
        original: bytes of the file.
        load: gives the model of a recipe.
        find_parent: gives the images it was made from.
        monitor: progress and cancelling.

    Raises:
        InputError: no file of ours, or a parent is gone or altered.
        CheckpointError: the checkpoint is gone.
        GenerationError: out of memory.
        CancelledError: ``monitor`` cancels it.
    """
    then, inscription = read_png(original)
    recipe = inscription.recipe
    found = {parent.role: find_parent(parent) for parent in recipe.parents}
    inputs = {role: image for role, image in found.items() if image is not None}
    again = run(load(recipe), recipe, inputs, monitor)
    # With the versions of then, so that the bytes differ only if the image or its coding does.
    as_then = replace(again, recipe=replace(again.recipe, versions=recipe.versions))
    difference = _mean_difference(then, again.image)
    return Reproduction(
        image=again.image,
        recipe=again.recipe,
        bytes_equal=encode_png(as_then) == original,
        pixels_equal=difference == 0,
        mean_difference=difference,
        versions=_differences(recipe.versions, again.recipe.versions),
    )


def _mean_difference(then: Image.Image, now: Image.Image) -> float | None:
    if then.size != now.size:
        return None
    pair = [np.asarray(image, dtype=np.int16) for image in (then, now)]
    return float(np.abs(pair[0] - pair[1]).mean())


def _differences(then: dict[str, str], now: dict[str, str]) -> tuple[Difference, ...]:
    names = sorted(then.keys() | now.keys())
    pairs = (Difference(name, then.get(name), now.get(name)) for name in names)
    return tuple(pair for pair in pairs if pair.then != pair.now)
