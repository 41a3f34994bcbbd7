"""Text to image: a prompt and a seed to an image."""

from __future__ import annotations

from collections.abc import Sequence

from vitrail.generator.adapters.loras import LoraFile
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import DEFAULTS, Sampling, check_sampling, check_size
from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.generator.tasks.denoising import Drawn, draw
from vitrail.generator.tasks.planning import base_recipe, seeded
from vitrail.generator.watching import UNWATCHED, Watch
from vitrail.indexer.recipes.recipe import Recipe

TASK = "text-to-image"


def plan(
    info: CheckpointInfo,
    prompt: str,
    *,
    sampling: Sampling = DEFAULTS,
    width: int | None = None,
    height: int | None = None,
    loras: Sequence[LoraFile] = (),
) -> list[Recipe]:
    """Recipes of ``sampling.n`` images from consecutive seeds; loads nothing.

    Args:
        info: which checkpoint.
        prompt: what to draw.
        sampling: how.
        width: in pixels; the checkpoint's own without.
        height: in pixels; the checkpoint's own without.
        loras: low-rank weights to lay over the checkpoint.

    Raises:
        InputError: what cannot be drawn, with the remedy.
    """
    check_sampling(info, prompt, sampling)
    size = (
        info.native if width is None else width,
        info.native if height is None else height,
    )
    check_size(info, *size)
    return seeded(base_recipe(info, TASK, prompt, sampling, size, loras), sampling.n)


def run(model: DiffusionModel, recipe: Recipe, watch: Watch = UNWATCHED) -> Drawn:
    """Draw it.

    Raises:
        GenerationError: out of memory, cancelled, or settings that the checkpoint cannot do.
    """
    return draw(model, recipe, watch)
