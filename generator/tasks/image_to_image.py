"""Image to image: an image noised, then denoised under a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vitrail.generator.adapters.loras import LoraFile
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import DEFAULTS, Sampling, check_sampling, check_strength
from vitrail.generator.images import InputImage
from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.generator.tasks.denoising import Drawn, encode, redraw
from vitrail.generator.tasks.planning import base_recipe, seeded
from vitrail.generator.tasks.sizes import chosen_size, resize
from vitrail.generator.watching import UNWATCHED, Watch
from vitrail.indexer.recipes.recipe import Recipe

TASK = "image-to-image"


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
        base_recipe(info, TASK, prompt, sampling, size, loras),
        strength=check_strength("strength", strength),
        parents=(init.parent("init"),),
    )
    return seeded(recipe, sampling.n)


def run(model: DiffusionModel, recipe: Recipe, init: InputImage, watch: Watch = UNWATCHED) -> Drawn:
    """Draw it.

    Raises:
        GenerationError: out of memory, cancelled, or settings that the checkpoint cannot do.
    """
    latents = encode(model, resize(init.image, (recipe.width, recipe.height)))
    return redraw(model, recipe, latents, recipe.strength or 0.0, watch)
