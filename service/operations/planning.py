"""What each task reads of the images that it is given, and the recipes that it makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from typing import TYPE_CHECKING, TypeAlias

from vitrail.service.operations.references import ImageReference
from vitrail.service.operations.tasks import (
    GenerationOptions,
    ImageToImage,
    Inpaint,
    MaskShape,
    StyleTransfer,
    Task,
    TextToImage,
)

if TYPE_CHECKING:
    from vitrail.generator.adapters.ip_adapters import IPAdapterFile
    from vitrail.generator.adapters.loras import LoraFile
    from vitrail.generator.checkpoints.files import CheckpointInfo
    from vitrail.generator.images import InputImage
    from vitrail.generator.tasks.masks import Mask
    from vitrail.indexer.recipes.recipe import Recipe

Open: TypeAlias = "Callable[[ImageReference], InputImage]"


@dataclass(frozen=True, slots=True)
class TaskInputs:
    """What a task starts from.

    Attributes:
        images: role -> image, that of a mask included.
        mask: what is repainted; only of ``Inpaint``.
    """

    images: Mapping[str, InputImage] = field(default_factory=dict)
    mask: Mask | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """What draws.

    Attributes:
        info: the checkpoint.
        loras: low-rank weights laid over it.
    """

    info: CheckpointInfo
    loras: tuple[LoraFile, ...]


@singledispatch
def read_inputs(task: Task, read: Open) -> TaskInputs:  # noqa: ARG001
    """Read the images that a task names, by its kind.

    Args:
        task: what to make.
        read: reads one of them.

    Raises:
        UnknownImageError: one is not in the collection.
        InputError: one is no usable image, or is no mask for the other.
    """
    raise TypeError(f"{task!r} is no task")


@read_inputs.register(TextToImage)
def _(_task: TextToImage, _read: Open) -> TaskInputs:
    return TaskInputs()


@read_inputs.register(ImageToImage)
def _(task: ImageToImage, read: Open) -> TaskInputs:
    return TaskInputs({"init": read(task.image)})


@read_inputs.register(Inpaint)
def _(task: Inpaint, read: Open) -> TaskInputs:
    init = read(task.image)
    mask = _open_mask(task.mask, init.image.size, read)
    images = {"init": init} if mask.source is None else {"init": init, "mask": mask.source}
    return TaskInputs(images, mask)


@read_inputs.register(StyleTransfer)
def _(task: StyleTransfer, read: Open) -> TaskInputs:
    return TaskInputs({"content": read(task.content), "style": read(task.style)})


def _open_mask(mask: MaskShape | ImageReference, size: tuple[int, int], read: Open) -> Mask:
    from vitrail.generator.tasks.masks import box_mask, image_mask, polygon_mask

    if not isinstance(mask, MaskShape):
        return image_mask(read(mask), size)
    shaped = box_mask if mask.kind == "box" else polygon_mask
    return shaped(mask.shape, size, mask.name)


@singledispatch
def plan_recipes(
    task: Task,
    inputs: TaskInputs,  # noqa: ARG001
    model: Model,  # noqa: ARG001
    options: GenerationOptions,  # noqa: ARG001
) -> list[Recipe]:
    """What a task comes to, by its kind; no model is loaded.

    Args:
        task: what to make.
        inputs: as ``read_inputs`` read them.
        model: what draws.
        options: how.

    Raises:
        InputError: a prompt, a size, a strength or another setting that cannot be drawn.
        CheckpointError: the IP-Adapter that a task names cannot be had.
    """
    raise TypeError(f"{task!r} is no task")


@plan_recipes.register(TextToImage)
def _(
    task: TextToImage, _inputs: TaskInputs, model: Model, options: GenerationOptions
) -> list[Recipe]:
    from vitrail.generator.tasks import text_to_image

    return [
        recipe
        for prompt in task.prompts
        for recipe in text_to_image.plan(
            model.info,
            prompt,
            sampling=options.sampling,
            width=options.width,
            height=options.height,
            loras=model.loras,
        )
    ]


@plan_recipes.register(ImageToImage)
def _(
    task: ImageToImage, inputs: TaskInputs, model: Model, options: GenerationOptions
) -> list[Recipe]:
    from vitrail.generator.tasks import image_to_image

    return image_to_image.plan(
        model.info,
        task.prompt,
        inputs.images["init"],
        strength=task.strength,
        sampling=options.sampling,
        width=options.width,
        height=options.height,
        loras=model.loras,
    )


@plan_recipes.register(Inpaint)
def _(task: Inpaint, inputs: TaskInputs, model: Model, options: GenerationOptions) -> list[Recipe]:
    from vitrail.generator.tasks import inpaint

    assert inputs.mask is not None, "an inpainting is read with its mask"
    return inpaint.plan(
        model.info,
        task.prompt,
        inputs.images["init"],
        inputs.mask,
        strength=task.strength,
        feather=task.feather,
        sampling=options.sampling,
        loras=model.loras,
    )


@plan_recipes.register(StyleTransfer)
def _(
    task: StyleTransfer, inputs: TaskInputs, model: Model, options: GenerationOptions
) -> list[Recipe]:
    from vitrail.generator.tasks import style

    return style.plan(
        model.info,
        task.prompt,
        inputs.images["content"],
        inputs.images["style"],
        method=task.method,
        style_strength=task.style_strength,
        content_strength=task.content_strength,
        query_kept=task.query_kept,
        sampling=options.sampling,
        width=options.width,
        height=options.height,
        loras=model.loras,
        ip_adapter=_ip_adapter(task, model),
    )


def _ip_adapter(task: StyleTransfer, model: Model) -> IPAdapterFile | None:
    """The one named, or else the checkpoint's own, which attention does without."""
    from vitrail.generator.adapters.ip_adapters import choose_ip_adapter

    if task.method == "attention" and task.ip_adapter is None and task.ip_adapter_scale is None:
        return None
    return choose_ip_adapter(model.info, task.ip_adapter, task.ip_adapter_scale)
