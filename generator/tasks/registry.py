"""The tasks by name, and any recipe run by the model and images it names."""

from __future__ import annotations

import time
from dataclasses import replace

from vitrail.generator.models.libraries import turn
from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.generator.models.prompt_length import unseen_note
from vitrail.generator.monitoring import UNMONITORED, Monitor
from vitrail.generator.tasks import image_to_image, inpaint, style, text_to_image
from vitrail.generator.tasks.latents import Drawn
from vitrail.generator.tasks.task import NO_INPUTS, Inputs, Task
from vitrail.indexer.errors import InputError
from vitrail.indexer.recipes.recipe import GeneratedImage, Recipe


def run(
    model: DiffusionModel,
    recipe: Recipe,
    inputs: Inputs = NO_INPUTS,
    monitor: Monitor = UNMONITORED,
) -> GeneratedImage:
    """Make the image of a recipe.

    Args:
        model: the recipe's checkpoint, with its LoRAs.
        recipe: what to make.
        inputs: role -> image, for every parent of the recipe.
        monitor: progress and cancelling, which ends the waiting for other threads' images, too.

    Raises:
        InputError: the model or an image is not the one the recipe names, or is missing.
        CheckpointError: the recipe's IP-Adapter is gone, altered, or does not fit.
        GenerationError: out of memory, or settings that the checkpoint cannot do.
        CancelledError: ``monitor`` cancels it.
    """
    _check_model(model, recipe)
    started = time.perf_counter()
    with turn(monitor.check):
        image, nsfw = _draw(model, recipe, inputs, monitor)
        notes = unseen_note(model, recipe)
        finished = replace(recipe, versions=model.versions)
    seconds = time.perf_counter() - started
    return GeneratedImage(image.convert("RGB"), finished, nsfw, seconds, notes)


def _draw(model: DiffusionModel, recipe: Recipe, inputs: Inputs, monitor: Monitor) -> Drawn:
    if recipe.task not in TASKS:
        raise InputError(
            f"task {recipe.task!r} is unknown to this version: use one of {', '.join(TASKS)}"
        )
    return TASKS[recipe.task].draw(model, recipe, inputs, monitor)


TASKS: dict[str, Task[...]] = {
    task.name: task for task in (text_to_image.TASK, image_to_image.TASK, inpaint.TASK, style.TASK)
}
"""By the name that a recipe has."""


def _check_model(model: DiffusionModel, recipe: Recipe) -> None:
    if model.info.content_hash != recipe.checkpoint_hash:
        raise InputError(
            f"checkpoint {model.info.name!r} is {model.info.content_hash[:12]} and the recipe "
            f"names {recipe.checkpoint!r}, {recipe.checkpoint_hash[:12]}: give that one"
        )
    given = [(lora.content_hash, lora.weight) for lora in model.loras]
    if given != [(lora.content_hash, lora.weight) for lora in recipe.lora]:
        names = ", ".join(f"{lora.name}:{lora.weight:g}" for lora in recipe.lora) or "none"
        raise InputError(f"the recipe names other LoRAs than the model has: load it with {names}")
