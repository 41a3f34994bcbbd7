"""Images from prompts and images, made, embedded and indexed with their recipes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from vitrail.indexer.collection.layout import is_collection
from vitrail.indexer.errors import CheckpointError
from vitrail.service.operations.inputs import open_input
from vitrail.service.operations.making import Generated, Work, make_and_index
from vitrail.service.operations.opening import EncoderChoice, open_or_create
from vitrail.service.operations.progress import Note, Progress, nobody
from vitrail.service.operations.references import ImageReference
from vitrail.service.operations.tasks import (
    AS_THE_MODEL,
    GenerationOptions,
    ImageToImage,
    Inpaint,
    MaskShape,
    StyleTransfer,
    Task,
    TextToImage,
)

if TYPE_CHECKING:
    from vitrail.generator.adapters.loras import LoraFile
    from vitrail.generator.checkpoints.files import CheckpointInfo
    from vitrail.generator.images import InputImage
    from vitrail.generator.tasks.masks import Mask
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.recipes.recipe import Recipe
    from vitrail.service.operations.collection import Collection

Open: TypeAlias = "Callable[[ImageReference], InputImage]"


def generate(
    directory: Path,
    task: Task,
    options: GenerationOptions = AS_THE_MODEL,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Generated:
    """Make images, embed them, and index them with their recipes and lineage.

    Images already made by the same recipe are not made again.

    Args:
        directory: of the collection; begun where there is none.
        task: what to make.
        options: how.
        progress: told what is to be known, and of every step and image.
        cancellation: looked at after every step.

    Raises:
        UnknownImageError: an image to start from is not in the collection.
        InputError: an image, prompt, mask or option is unusable.
        CheckpointError: a model cannot be had.
        GenerationError: an image could not be made; those before it are kept and indexed.
        CollectionLockedError: another process is writing.
    """
    work = plan(directory, task, options)
    with _open(directory, options.encoder, progress) as collection:
        for note in _limits(work):
            progress(Note(note))
        return make_and_index(collection, work, progress=progress, cancellation=cancellation)


def plan(directory: Path, task: Task, options: GenerationOptions = AS_THE_MODEL) -> Work:
    """What ``generate`` would make; no model is loaded.

    Raises:
        UnknownImageError: an image to start from is not in the collection.
        InputError: an image, prompt, mask or option is unusable.
        CheckpointError: the generator's model cannot be had.
    """
    from vitrail.generator.adapters.loras import open_lora
    from vitrail.generator.checkpoints.files import find_checkpoint
    from vitrail.indexer.collection.store import CollectionStore

    looks = not isinstance(task, TextToImage) and is_collection(str(directory))
    with CollectionStore.open(directory) if looks else nullcontext() as store:
        inputs, mask = _read(task, partial(open_input, store))
    info = find_checkpoint(options.model)
    loras = tuple(open_lora(text) for text in options.loras)
    return Work(
        info,
        _recipes(task, info, options, loras, inputs, mask),
        inputs,
        loras,
        options.device,
        options.precision,
        options.force,
    )


def _read(task: Task, read: Open) -> tuple[dict[str, InputImage], Mask | None]:
    """The images that a task starts from, by role, and its mask."""
    if isinstance(task, TextToImage):
        return {}, None
    if isinstance(task, StyleTransfer):
        return {"content": read(task.content), "style": read(task.style)}, None
    init = read(task.image)
    if isinstance(task, ImageToImage):
        return {"init": init}, None
    mask = _open_mask(task.mask, init.image.size, read)
    return {"init": init} | ({} if mask.source is None else {"mask": mask.source}), mask


def _open_mask(mask: MaskShape | ImageReference, size: tuple[int, int], read: Open) -> Mask:
    from vitrail.generator.tasks.masks import box_mask, image_mask, polygon_mask

    if not isinstance(mask, MaskShape):
        return image_mask(read(mask), size)
    shaped = box_mask if mask.kind == "box" else polygon_mask
    return shaped(mask.shape, size, mask.name)


def _recipes(
    task: Task,
    info: CheckpointInfo,
    options: GenerationOptions,
    loras: tuple[LoraFile, ...],
    inputs: dict[str, InputImage],
    mask: Mask | None,
) -> list[Recipe]:
    from vitrail.generator.adapters.ip_adapters import choose_ip_adapter
    from vitrail.generator.tasks import image_to_image, inpaint, style, text_to_image

    sampling, width, height = options.sampling, options.width, options.height
    if isinstance(task, TextToImage):
        return [
            recipe
            for prompt in task.prompts
            for recipe in text_to_image.plan(
                info, prompt, sampling=sampling, width=width, height=height, loras=loras
            )
        ]
    if isinstance(task, StyleTransfer):
        return style.plan(
            info,
            task.prompt,
            inputs["content"],
            inputs["style"],
            style_strength=task.style_strength,
            content_strength=task.content_strength,
            sampling=sampling,
            width=width,
            height=height,
            loras=loras,
            ip_adapter=choose_ip_adapter(info, task.ip_adapter, task.ip_adapter_scale),
        )
    if mask is not None and isinstance(task, Inpaint):
        return inpaint.plan(
            info,
            task.prompt,
            inputs["init"],
            mask,
            strength=task.strength,
            feather=task.feather,
            sampling=sampling,
            loras=loras,
        )
    return image_to_image.plan(
        info,
        task.prompt,
        inputs["init"],
        strength=task.strength,
        sampling=sampling,
        width=width,
        height=height,
        loras=loras,
    )


def _limits(work: Work) -> list[str]:
    """What a small model can do nothing with, before it tries."""
    from vitrail.generator.checkpoints.scope import outside_notes

    prompts = [recipe.prompt for recipe in work.recipes]
    images = [image for role, image in work.inputs.items() if role != "mask"]
    return outside_notes(work.info, prompts, images)


def _open(directory: Path, choice: EncoderChoice, progress: Progress) -> Collection:
    new = not is_collection(str(directory))
    try:
        return open_or_create(directory, choice, progress=progress)
    except CheckpointError as error:
        if not new or choice.checkpoint is not None:
            raise
        raise CheckpointError(
            f"there is no collection at {directory} yet, and the encoder of a new one cannot be "
            f"had: {error}"
        ) from error
