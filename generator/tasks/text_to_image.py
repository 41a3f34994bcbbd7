"""Text to image: a prompt and a seed to an image."""

from __future__ import annotations

from collections.abc import Sequence

from vitrail.generator.adapters.loras import LoraFile
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import DEFAULTS, Sampling, check_sampling, check_size
from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.generator.monitoring import Monitor
from vitrail.generator.tasks.denoising import draw
from vitrail.generator.tasks.latents import Drawn
from vitrail.generator.tasks.planning import base_recipe, seeded
from vitrail.generator.tasks.task import Inputs, Task
from vitrail.indexer.recipes.recipe import Recipe

NAME = "text-to-image"


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
    return seeded(base_recipe(info, NAME, prompt, sampling, size, loras), sampling.n)


def _draw(model: DiffusionModel, recipe: Recipe, _: Inputs, monitor: Monitor) -> Drawn:
    return draw(model, recipe, monitor)


TASK = Task(NAME, (), plan, _draw)
