"""From noise or latents to an image, by whatever pipeline the checkpoint has for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from vitrail.generator.models.memory import with_less_memory
from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.generator.watching import Watch
from vitrail.indexer.errors import GenerationError, VitrailError
from vitrail.indexer.recipes.recipe import Recipe
from vitrail.indexer.wording import first_line

if TYPE_CHECKING:
    from torch import Tensor

Drawn = tuple[Image.Image, bool | None]
"""An image (RGB) and the safety checker's verdict on it, ``None`` without one."""

Guide = Callable[[Any, Recipe], AbstractContextManager[dict[str, Any]]]
"""Changes a pipeline for the length of a run, and gives the run's further arguments."""


@dataclass(frozen=True)
class Kept:
    """Where an inpainting by an ordinary checkpoint keeps the image's own latents.

    Attributes:
        latents: of the image, (1, c, h, w).
        mask: (1, 1, h, w), 1 where it is repainted.
    """

    latents: Tensor
    mask: Tensor


def draw(model: DiffusionModel, recipe: Recipe, watch: Watch) -> Drawn:
    """Draw the prompt from noise."""
    if model.info.inpaints:
        # Such a U-Net draws a whole image as the repainting of an empty one.
        return _repaint_all(model, recipe, None, 1.0, watch)

    def call() -> Drawn:
        pipeline = model.pipeline("text", recipe.scheduler)
        size = {"width": recipe.width, "height": recipe.height}
        return _call(model, pipeline, recipe, watch, size)

    return _guarded(model, recipe, call)


def redraw(
    model: DiffusionModel,
    recipe: Recipe,
    latents: Tensor,
    strength: float,
    watch: Watch,
    keep: Kept | None = None,
    guide: Guide | None = None,
) -> Drawn:
    """Noise latents (1, c, h, w) to a share ``strength`` of the schedule, and denoise them.

    A strength of 0 decodes them as they are. Any number above it runs one step at least, under the
    ``guide`` if there is one.
    """
    if strength == 0:
        return _guarded(model, recipe, lambda: _decode(model, latents))
    if model.info.inpaints:
        return _repaint_all(model, recipe, latents, strength, watch, guide)

    def call() -> Drawn:
        pipeline = model.pipeline("image", recipe.scheduler)
        blank = Image.new("RGB", (recipe.width, recipe.height))
        # diffusers takes latents in place of an image only if they have four channels.
        noised = _Noised(pipeline, latents, pure=keep is not None and strength == 1)
        pipeline.prepare_latents = noised
        try:
            blend = None if keep is None else _blending(keep, noised)
            given = {"image": blank, "strength": _whole_steps(model, recipe.steps, strength)}
            return _call(model, pipeline, recipe, watch, given, blend, guide)
        finally:
            del pipeline.prepare_latents

    return _guarded(model, recipe, call)


def repaint(
    model: DiffusionModel,
    recipe: Recipe,
    image: Image.Image,
    mask: Image.Image,
    strength: float,
    watch: Watch,
) -> Drawn:
    """Repaint the white part of ``mask`` with a checkpoint made for it; both of the same size."""

    def call() -> Drawn:
        given = {"image": image, "mask_image": mask}
        return _call_inpainting(model, recipe, given, strength, watch)

    return _guarded(model, recipe, call)


def encode(model: DiffusionModel, image: Image.Image) -> Tensor:
    """Latents (1, c, h, w) of an image, scaled as the U-Net wants them; the mode, so no chance."""
    import torch

    def call() -> Tensor:
        pipeline = model.pipeline("inpaint" if model.info.inpaints else "text", "ddim")
        vae = pipeline.vae
        # XL's autoencoder overflows in fp16, as its configuration says.
        upcast = vae.dtype == torch.float16 and getattr(vae.config, "force_upcast", False)
        own = vae.dtype
        if upcast:
            vae.to(torch.float32)
        pixels = pipeline.image_processor.preprocess(image).to(vae.device, vae.dtype)
        with torch.no_grad():
            latents: Tensor = vae.encode(pixels).latent_dist.mode() * vae.config.scaling_factor
        if upcast:
            vae.to(own)
        return latents.to(own)

    with model.drawing():
        return with_less_memory(model, image.size, call)


def _repaint_all(
    model: DiffusionModel,
    recipe: Recipe,
    latents: Tensor | None,
    strength: float,
    watch: Watch,
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
        return _call_inpainting(model, recipe, given, strength, watch, guide)

    return _guarded(model, recipe, call)


def _call_inpainting(
    model: DiffusionModel,
    recipe: Recipe,
    given: dict[str, Any],
    strength: float,
    watch: Watch,
    guide: Guide | None = None,
) -> Drawn:
    pipeline = model.pipeline("inpaint", recipe.scheduler)
    whole = _whole_steps(model, recipe.steps, strength)
    size = {"width": recipe.width, "height": recipe.height, "strength": whole}
    return _call(model, pipeline, recipe, watch, given | size, guide=guide)


def _call(
    model: DiffusionModel,
    pipeline: Any,
    recipe: Recipe,
    watch: Watch,
    given: dict[str, Any],
    blend: Callable[[Any, int, Any], Any] | None = None,
    guide: Guide | None = None,
) -> Drawn:
    import torch

    def after_step(pipe: Any, index: int, _: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        watch.step(index + 1, pipe.num_timesteps)
        return tensors if blend is None else {"latents": blend(pipe, index, tensors["latents"])}

    if model.info.family != "lcm":
        given = given | {"negative_prompt": recipe.negative_prompt or None}
    watch.check()
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


class _Noised:
    """Stands in for a pipeline's ``prepare_latents``: our latents, noised to its first timestep."""

    def __init__(self, pipeline: Any, latents: Tensor, *, pure: bool) -> None:
        self.pipeline = pipeline
        self.latents = latents
        self.pure = pure
        self.noise: Tensor | None = None

    def __call__(
        self,
        image: Any,  # noqa: ARG002 - the pipeline's own signature
        timestep: Any,
        batch_size: int,  # noqa: ARG002
        num_images_per_prompt: int,  # noqa: ARG002
        dtype: Any,
        device: Any,
        generator: Any = None,
        add_noise: bool = True,  # noqa: ARG002
    ) -> Tensor:
        from diffusers.utils.torch_utils import randn_tensor

        latents = self.latents.to(device, dtype)
        noise: Tensor = randn_tensor(latents.shape, generator=generator, device=device, dtype=dtype)
        self.noise = noise
        scheduler = self.pipeline.scheduler
        if self.pure:  # nothing of what is repainted may shine through
            noised: Tensor = noise * scheduler.init_noise_sigma
        else:
            noised = scheduler.add_noise(latents, noise, timestep)
        return noised


def _blending(keep: Kept, noised: _Noised) -> Callable[[Any, int, Any], Any]:
    """After each step put the image's own latents, as noisy as the next step, around the mask.

    "Blended Latent Diffusion", Avrahami et al. 2023.
    """

    def blend(pipeline: Any, index: int, latents: Tensor) -> Tensor:
        own = keep.latents.to(latents)
        later = pipeline.scheduler.timesteps[-pipeline.num_timesteps :][index + 1 :]
        if len(later) and noised.noise is not None:
            own = pipeline.scheduler.add_noise(own, noised.noise, later[:1])
        mask = keep.mask.to(latents)
        return own * (1 - mask) + latents * mask

    return blend


def _decode(model: DiffusionModel, latents: Tensor) -> Drawn:
    import torch

    pipeline = model.pipeline("inpaint" if model.info.inpaints else "image", "ddim")
    vae = pipeline.vae
    with torch.no_grad():
        pixels = vae.decode(latents.to(vae.device, vae.dtype) / vae.config.scaling_factor)[0]
        verdict = None
        if hasattr(pipeline, "run_safety_checker"):
            pixels, verdict = pipeline.run_safety_checker(pixels, vae.device, vae.dtype)
    # What the checker blackened is no longer in -1..1.
    plain = [verdict is None or not verdict[0]]
    image = pipeline.image_processor.postprocess(pixels, do_denormalize=plain)[0]
    return image, None if verdict is None else bool(verdict[0])


def _whole_steps(model: DiffusionModel, steps: int, strength: float) -> float:
    """A strength that diffusers, which cuts ``steps * strength`` down, takes for the same steps."""
    if model.info.family == "lcm":  # runs all steps from wherever the strength puts the first
        return strength
    run = min(steps, max(1, int(steps * strength + 1e-6)))
    return 1.0 if run == steps else (run + 0.5) / steps


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
