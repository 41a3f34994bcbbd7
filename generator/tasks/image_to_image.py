"""Image to image: a picture noised, then denoised under a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vitrail.generator.adapters.loras import LoraFile
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import DEFAULTS, Sampling, check_sampling, check_size, check_strength
from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.generator.pictures import Picture, resize, working_size
from vitrail.generator.tasks.denoising import Drawn, encode, redraw
from vitrail.generator.tasks.planning import base_recipe, seeded
from vitrail.generator.watching import UNWATCHED, Watch
from vitrail.indexer.recipes.recipe import Recipe

TASK = "image-to-image"


def plan(
    info: CheckpointInfo,
    prompt: str,
    init: Picture,
    *,
    strength: float = 0.6,
    sampling: Sampling = DEFAULTS,
    width: int | None = None,
    height: int | None = None,
    loras: Sequence[LoraFile] = (),
) -> list[Recipe]:
    """Recipes of ``sampling.n`` variations of a picture from consecutive seeds; loads nothing.

    Args:
        info: which checkpoint.
        prompt: what to draw.
        init: the picture to start from.
        strength: 0 keeps it (but for the autoencoder's loss), 1 keeps nothing of it.
        sampling: how.
        width: in pixels; without, nearly the picture's own.
        height: in pixels; without, nearly the picture's own.
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


def chosen_size(
    info: CheckpointInfo, picture: Picture, width: int | None, height: int | None
) -> tuple[int, int]:
    """The size asked for, or the one at which the picture is best worked on.

    Raises:
        InputError: the checkpoint cannot draw that size.
    """
    own = working_size(info, *picture.image.size, picture.name)
    size = (own[0] if width is None else width, own[1] if height is None else height)
    check_size(info, *size)
    return size


def run(model: DiffusionModel, recipe: Recipe, init: Picture, watch: Watch = UNWATCHED) -> Drawn:
    """Draw it.

    Raises:
        GenerationError: out of memory, cancelled, or settings that the checkpoint cannot do.
    """
    latents = encode(model, resize(init.image, (recipe.width, recipe.height)))
    return redraw(model, recipe, latents, recipe.strength or 0.0, watch)
