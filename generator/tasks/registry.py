"""Any recipe run by the model and images it names."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from vitrail.generator.images import InputImage
from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.generator.models.prompt_length import unseen_note
from vitrail.generator.tasks import image_to_image, inpaint, style, text_to_image
from vitrail.generator.tasks.denoising import Drawn
from vitrail.generator.tasks.masks import Mask, box_mask, image_mask, polygon_mask
from vitrail.generator.watching import UNWATCHED, Watch
from vitrail.indexer.errors import InputError
from vitrail.indexer.recipes.recipe import GeneratedImage, Recipe

NO_INPUTS: Mapping[str, InputImage] = {}


def run(
    model: DiffusionModel,
    recipe: Recipe,
    inputs: Mapping[str, InputImage] = NO_INPUTS,
    watch: Watch = UNWATCHED,
) -> GeneratedImage:
    """Make the image of a recipe.

    Args:
        model: the recipe's checkpoint, with its LoRAs.
        recipe: what to make.
        inputs: role -> image, for every parent of the recipe.
        watch: progress and cancelling.

    Raises:
        InputError: the model or an image is not the one the recipe names, or is missing.
        GenerationError: out of memory, cancelled, or settings that the checkpoint cannot do.
    """
    _check_model(model, recipe)
    started = time.perf_counter()
    with model.lock:
        image, nsfw = _draw(model, recipe, inputs, watch)
        notes = unseen_note(model, recipe)
        finished = replace(recipe, versions=model.versions)
    seconds = time.perf_counter() - started
    return GeneratedImage(image.convert("RGB"), finished, nsfw, seconds, notes)


def _draw(
    model: DiffusionModel, recipe: Recipe, inputs: Mapping[str, InputImage], watch: Watch
) -> Drawn:
    if recipe.task not in TASKS:
        raise InputError(
            f"task {recipe.task!r} is unknown to this version: use one of {', '.join(TASKS)}"
        )
    return TASKS[recipe.task](model, recipe, inputs, watch)


def _text_to_image(
    model: DiffusionModel, recipe: Recipe, _: Mapping[str, InputImage], watch: Watch
) -> Drawn:
    return text_to_image.run(model, recipe, watch)


def _image_to_image(
    model: DiffusionModel, recipe: Recipe, inputs: Mapping[str, InputImage], watch: Watch
) -> Drawn:
    return image_to_image.run(model, recipe, _parent(recipe, inputs, "init"), watch)


def _style(
    model: DiffusionModel, recipe: Recipe, inputs: Mapping[str, InputImage], watch: Watch
) -> Drawn:
    content, look = (_parent(recipe, inputs, role) for role in ("content", "style"))
    return style.run(model, recipe, content, look, watch)


def _inpaint(
    model: DiffusionModel, recipe: Recipe, inputs: Mapping[str, InputImage], watch: Watch
) -> Drawn:
    init = _parent(recipe, inputs, "init")
    return inpaint.run(model, recipe, init, _mask(recipe, inputs, init), watch)


Task = Callable[[DiffusionModel, Recipe, Mapping[str, InputImage], Watch], Drawn]
TASKS: dict[str, Task] = {
    text_to_image.TASK: _text_to_image,
    image_to_image.TASK: _image_to_image,
    inpaint.TASK: _inpaint,
    style.TASK: _style,
}
"""By the name that a recipe has: what finds the images that it names, and draws."""


def _parent(recipe: Recipe, inputs: Mapping[str, InputImage], role: str) -> InputImage:
    wanted, given = recipe.parent(role), inputs.get(role)
    if wanted is None:
        raise InputError(
            f"the recipe of this {recipe.task} names no {role} image: it is incomplete"
        )
    if given is None:
        raise InputError(
            f"the {role} image {wanted.content_hash[:12]} of this {recipe.task} is missing: bring "
            f"its file back, or index it again"
        )
    if given.content_hash != wanted.content_hash:
        raise InputError(
            f"the {role} image given is {given.content_hash[:12]} and the recipe names "
            f"{wanted.content_hash[:12]}: give the file that it was made from"
        )
    return given


def _mask(recipe: Recipe, inputs: Mapping[str, InputImage], init: InputImage) -> Mask:
    record = recipe.mask
    if record is None:
        raise InputError("the recipe of this inpaint names no mask: it is incomplete")
    size = init.image.size
    if record.kind == "box":
        mask = box_mask(record.shape, size)
    elif record.kind == "polygon":
        mask = polygon_mask(record.shape, size)
    else:
        mask = image_mask(_parent(recipe, inputs, "mask"), size)
    if mask.record(record.feather).content_hash != record.content_hash:
        raise InputError("the mask is not the one the recipe names: it may have been altered")
    return mask


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
