"""From noise or latents to an image, by whatever pipeline the checkpoint has for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from PIL import Image

from vitrail.generator.models.memory import with_less_memory
from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.generator.monitoring import Monitor
from vitrail.generator.tasks.latents import Drawn, Kept, Noised, blending, decode, encode, half_made
from vitrail.indexer.errors import GenerationError, VitrailError
from vitrail.indexer.recipes.recipe import Recipe
from vitrail.indexer.wording import first_line

if TYPE_CHECKING:
    from torch import Tensor

Guide = Callable[[Any, Recipe], AbstractContextManager[dict[str, Any]]]
"""Changes a pipeline for the length of a run, and gives the run's further arguments."""


def draw(model: DiffusionModel, recipe: Recipe, monitor: Monitor) -> Drawn:
    """Draw the prompt from noise, at the recipe's size in pixels.

    Raises:
        GenerationError: out of memory, or settings that the checkpoint cannot do.
        CancelledError: ``monitor`` cancels it.
    """
    if model.info.inpaints:
        # Such a U-Net draws a whole image as the repainting of an empty one.
        return _repaint_all(model, recipe, None, 1.0, monitor)

    def call() -> Drawn:
        pipeline = model.pipeline("text", recipe.scheduler)
        size = {"width": recipe.width, "height": recipe.height}
        return _call(model, pipeline, recipe, monitor, size)

    return _guarded(model, recipe, call)


def redraw(
    model: DiffusionModel,
    recipe: Recipe,
    latents: Tensor,
    strength: float,
    monitor: Monitor,
    keep: Kept | None = None,
    guide: Guide | None = None,
) -> Drawn:
    """Noise latents (1, c, h, w) to a share ``strength`` of the schedule, and denoise them.

    A strength of 0 decodes them as they are. Any number above it runs one step at least, under the
    ``guide`` if there is one.

    Args:
        model: of the recipe.
        recipe: whose prompt, seed and size in pixels are drawn.
        latents: (1, c, h, w), as ``encode`` gives them.
        strength: 0 to 1.
        monitor: progress and cancelling.
        keep: what stays as it is around a mask.
        guide: what changes the pipeline for the run.

    Raises:
        GenerationError: out of memory, or settings that the checkpoint cannot do.
        CancelledError: ``monitor`` cancels it.
    """
    if strength == 0:
        return _guarded(model, recipe, lambda: decode(model, latents))
    if model.info.inpaints:
        return _repaint_all(model, recipe, latents, strength, monitor, guide)

    def call() -> Drawn:
        pipeline = model.pipeline("image", recipe.scheduler)
        blank = Image.new("RGB", (recipe.width, recipe.height))
        # diffusers takes latents in place of an image only if they have four channels.
        noised = Noised(pipeline, latents, pure=keep is not None and strength == 1)
        pipeline.prepare_latents = noised
        try:
            blend = None if keep is None else blending(keep, noised)
            given = {"image": blank, "strength": _whole_steps(model, recipe.steps, strength)}
            return _call(model, pipeline, recipe, monitor, given, blend, guide)
        finally:
            del pipeline.prepare_latents

    return _guarded(model, recipe, call)


def resume(
    model: DiffusionModel,
    recipe: Recipe,
    noisy: Callable[[], Tensor],
    strength: float,
    monitor: Monitor,
    guide: Guide,
) -> Drawn:
    """Denoise what is as noisy as a share ``strength`` of the schedule has it, to an image.

    Args:
        model: of the recipe.
        recipe: whose prompt and size in pixels are drawn.
        noisy: works out these latents, (1, c, h, w), with the model to itself.
        strength: above 0, to 1.
        monitor: progress and cancelling.
        guide: what changes the pipeline for the run.

    Raises:
        GenerationError: out of memory, or settings that the checkpoint cannot do.
        CancelledError: ``monitor`` cancels it.
    """

    def call() -> Drawn:
        latents = noisy()
        pipeline = model.pipeline("image", recipe.scheduler)
        blank = Image.new("RGB", (recipe.width, recipe.height))
        pipeline.prepare_latents = lambda *_, **__: latents
        try:
            given = {"image": blank, "strength": _whole_steps(model, recipe.steps, strength)}
            return _call(model, pipeline, recipe, monitor, given, guide=guide)
        finally:
            del pipeline.prepare_latents

    return _guarded(model, recipe, call)


def repaint(
    model: DiffusionModel,
    recipe: Recipe,
    image: Image.Image,
    mask: Image.Image,
    strength: float,
    monitor: Monitor,
) -> Drawn:
    """Repaint the white part of ``mask`` with a checkpoint made for it.

    Args:
        model: whose U-Net takes the mask.
        recipe: whose prompt, seed and size in pixels are drawn.
        image: RGB, of that size.
        mask: L, of that size, 255 where it is repainted.
        strength: above 0, to 1.
        monitor: progress and cancelling.

    Raises:
        GenerationError: out of memory, or settings that the checkpoint cannot do.
        CancelledError: ``monitor`` cancels it.
    """

    def call() -> Drawn:
        given = {"image": image, "mask_image": mask}
        return _call_inpainting(model, recipe, given, strength, monitor)

    return _guarded(model, recipe, call)


def _repaint_all(
    model: DiffusionModel,
    recipe: Recipe,
    latents: Tensor | None,
    strength: float,
    monitor: Monitor,
    guide: Guide | None = None,
) -> Drawn:
    import torch

    size = (recipe.width, recipe.height)
    grey = encode(model, Image.new("RGB", size, (128, 128, 128)))

    def call() -> Drawn:
        given = {
            "image": torch.zeros_like(grey) if latents is None else latents,
            "mask_image": Image.new("L", size, 255),
            "masked_image_latents": grey,
        }
        return _call_inpainting(model, recipe, given, strength, monitor, guide)

    return _guarded(model, recipe, call)


def _call_inpainting(
    model: DiffusionModel,
    recipe: Recipe,
    given: dict[str, Any],
    strength: float,
    monitor: Monitor,
    guide: Guide | None = None,
) -> Drawn:
    pipeline = model.pipeline("inpaint", recipe.scheduler)
    whole = _whole_steps(model, recipe.steps, strength)
    size = {"width": recipe.width, "height": recipe.height, "strength": whole}
    return _call(model, pipeline, recipe, monitor, given | size, guide=guide)


def _call(
    model: DiffusionModel,
    pipeline: Any,
    recipe: Recipe,
    monitor: Monitor,
    given: dict[str, Any],
    blend: Callable[[Any, int, Any], Any] | None = None,
    guide: Guide | None = None,
) -> Drawn:
    import torch

    def after_step(pipe: Any, index: int, _: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        monitor.step(index + 1, pipe.num_timesteps)
        # the last step's is the image itself, and no checker has looked at the others
        if index + 1 < pipe.num_timesteps and getattr(pipe, "safety_checker", None) is None:
            monitor.show(lambda: half_made(pipe, tensors["latents"]))
        return tensors if blend is None else {"latents": blend(pipe, index, tensors["latents"])}

    if model.info.family != "lcm":
        given = given | {"negative_prompt": recipe.negative_prompt or None}
    monitor.check()
    with nullcontext({}) if guide is None else guide(pipeline, recipe) as more:
        output = pipeline(
            prompt=recipe.prompt,
            guidance_scale=recipe.guidance,
            num_inference_steps=recipe.steps,
            # A generator on the CPU draws the same noise for every device.
            generator=torch.Generator("cpu").manual_seed(recipe.seed),
            callback_on_step_end=after_step,
            callback_on_step_end_tensor_inputs=["latents"],
            **given,
            **more,
        )
    verdict = getattr(output, "nsfw_content_detected", None)
    return output.images[0], None if verdict is None else bool(verdict[0])


def _whole_steps(model: DiffusionModel, steps: int, strength: float) -> float:
    """A strength that diffusers, which cuts ``steps * strength`` down, takes for the same steps."""
    if model.info.family == "lcm":  # runs all steps from wherever the strength puts the first
        return strength
    run = steps_of(steps, strength)
    return 1.0 if run == steps else (run + 0.5) / steps


def steps_of(steps: int, strength: float) -> int:
    """How many of the schedule's steps a strength above 0 runs, one at least."""
    return min(steps, max(1, int(steps * strength + 1e-6)))


def _guarded(model: DiffusionModel, recipe: Recipe, call: Callable[[], Drawn]) -> Drawn:
    """Run with the model to itself, the libraries quiet, and their errors in our words."""
    try:
        with model.drawing():
            return with_less_memory(model, (recipe.width, recipe.height), call)
    except VitrailError:
        raise
    except (ValueError, TypeError, RuntimeError, IndexError) as error:
        text = first_line(error)
        raise GenerationError(
            f"{recipe.checkpoint!r} cannot do {recipe.task} with {recipe.steps} steps of "
            f"{recipe.scheduler} at {recipe.width}x{recipe.height} ({text}): try other settings or "
            f"another checkpoint"
        ) from error
