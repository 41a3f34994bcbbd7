"""Image to image: an image noised, then denoised under a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vitrail.generator.adapters.loras import LoraFile
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import DEFAULTS, Sampling, check_sampling, check_strength
from vitrail.generator.images import InputImage
from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.generator.monitoring import Monitor
from vitrail.generator.tasks.denoising import redraw
from vitrail.generator.tasks.latents import Drawn, encode
from vitrail.generator.tasks.planning import base_recipe, seeded
from vitrail.generator.tasks.sizes import chosen_size, resize
from vitrail.generator.tasks.task import Inputs, Task, input_of
from vitrail.indexer.recipes.recipe import Recipe

NAME = "image-to-image"


def plan(
    info: CheckpointInfo,
    prompt: str,
    init: InputImage,
    *,
    strength: float = 0.6,
    sampling: Sampling = DEFAULTS,
    width: int | None = None,
    height: int | None = None,
    loras: Sequence[LoraFile] = (),
) -> list[Recipe]:
    """Recipes of ``sampling.n`` variations of an image from consecutive seeds; loads nothing.

    Args:
        info: which checkpoint.
        prompt: what to draw.
        init: the image to start from.
        strength: 0 keeps it (but for the autoencoder's loss), 1 keeps nothing of it.
        sampling: how.
        width: in pixels; without, nearly the image's own.
        height: in pixels; without, nearly the image's own.
        loras: low-rank weights to lay over the checkpoint.

    Raises:
        InputError: what cannot be drawn, with the remedy.
    """
    check_sampling(info, prompt, sampling)
    size = chosen_size(info, init, width, height)
    recipe = replace(
        base_recipe(info, NAME, prompt, sampling, size, loras),
        strength=check_strength("strength", strength),
        parents=(init.parent("init"),),
    )
    return seeded(recipe, sampling.n)


def _draw(model: DiffusionModel, recipe: Recipe, inputs: Inputs, monitor: Monitor) -> Drawn:
    init = input_of(recipe, inputs, "init")
    latents = encode(model, resize(init.image, (recipe.width, recipe.height)))
    return redraw(model, recipe, latents, recipe.strength or 0.0, monitor)


TASK = Task(NAME, ("init",), plan, _draw)
