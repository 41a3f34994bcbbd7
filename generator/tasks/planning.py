"""From what a user asks to complete recipes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vitrail.generator.adapters.loras import LoraFile
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import Sampling
from vitrail.indexer.recipes.recipe import Recipe


def base_recipe(
    info: CheckpointInfo,
    task: str,
    prompt: str,
    sampling: Sampling,
    size: tuple[int, int],
    loras: Sequence[LoraFile],
) -> Recipe:
    """The recipe of the first seed, with the checkpoint's defaults for what was not asked."""
    return Recipe(
        task=task,
        prompt=prompt,
        checkpoint=info.name,
        checkpoint_hash=info.content_hash,
        scheduler=sampling.scheduler or info.scheduler,
        steps=info.steps if sampling.steps is None else sampling.steps,
        guidance=float(info.guidance if sampling.guidance is None else sampling.guidance),
        width=size[0],
        height=size[1],
        seed=sampling.seed,
        negative_prompt=sampling.negative_prompt,
        revision=info.revision,
        lora=tuple(lora.record for lora in loras),
    )


def seeded(recipe: Recipe, count: int) -> list[Recipe]:
    """The recipe with ``count`` consecutive seeds."""
    return [replace(recipe, seed=recipe.seed + i) for i in range(count)]
