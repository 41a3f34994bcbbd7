"""Images to latents and back, and latents that take the place of noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from vitrail.generator.models.memory import with_less_memory
from vitrail.generator.models.pipelines import DiffusionModel

if TYPE_CHECKING:
    from torch import Tensor

Drawn = tuple[Image.Image, bool | None]
"""An image (RGB) and the safety checker's verdict on it, ``None`` without one."""


@dataclass(frozen=True)
class Kept:
    """Where an inpainting by an ordinary checkpoint keeps the image's own latents.

    Attributes:
        latents: of the image, (1, c, h, w).
        mask: (1, 1, h, w), 1 where it is repainted.
    """

    latents: Tensor
    mask: Tensor


def encode(model: DiffusionModel, image: Image.Image) -> Tensor:
    """Latents (1, c, h, w) of an image, scaled as the U-Net wants them; the mode, so no chance.

    Raises:
        GenerationError: out of memory.
    """
    import torch

    def call() -> Tensor:
        pipeline = model.pipeline("inpaint" if model.info.inpaints else "text", "ddim")
        vae = pipeline.vae
        # XL's autoencoder overflows in fp16, as its configuration says.
        upcast = vae.dtype == torch.float16 and getattr(vae.config, "force_upcast", False)
        own = vae.dtype
        try:
            if upcast:
                vae.to(torch.float32)
            pixels = pipeline.image_processor.preprocess(image).to(vae.device, vae.dtype)
            with torch.no_grad():
                latents: Tensor = vae.encode(pixels).latent_dist.mode() * vae.config.scaling_factor
        finally:
            vae.to(own)
        return latents.to(own)

    with model.drawing():
        return with_less_memory(model, image.size, call)


def decode(model: DiffusionModel, latents: Tensor) -> Drawn:
    """The image of latents (1, c, h, w) as ``encode`` gives them, looked at by a safety checker."""
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


def half_made(pipeline: Any, latents: Tensor) -> Image.Image:
    """What latents (1, c, h, w) of a run look like as they are, noise and all: an RGB image."""
    import torch

    vae = pipeline.vae
    with torch.no_grad():
        pixels = vae.decode(latents.to(vae.device, vae.dtype) / vae.config.scaling_factor)[0]
    image: Image.Image = pipeline.image_processor.postprocess(pixels.float())[0]
    return image


class Noised:
    """Stands in for a pipeline's ``prepare_latents``: our latents, noised to its first timestep.

    Args:
        pipeline: whose scheduler noises them.
        latents: (1, c, h, w).
        pure: nothing of them is left.
    """

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
        """The latents at that timestep, (1, c, h, w), of the dtype and on the device asked for."""
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


def blending(keep: Kept, noised: Noised) -> Callable[[Any, int, Any], Any]:
    """After each step put the image's own latents, as noisy as the next step, around the mask.

    What is returned takes the pipeline, the step from 0 and its latents (1, c, h, w), and gives
    latents of that shape.

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
