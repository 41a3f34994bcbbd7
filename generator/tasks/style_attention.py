"""Style transfer by attention: the content, drawn again with the style's keys and values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from vitrail.generator.adapters.ip_adapters import IPAdapterFile
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import Sampling
from vitrail.generator.images import InputImage
from vitrail.generator.models.inversion import REPEATS, invert
from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.generator.models.style_injection import StyleInjection, Trace
from vitrail.generator.monitoring import Monitor
from vitrail.generator.tasks.denoising import redraw, resume, steps_of
from vitrail.generator.tasks.ground import coloured, foreground
from vitrail.generator.tasks.latents import Drawn, encode
from vitrail.generator.tasks.sizes import resize, working_size
from vitrail.indexer.errors import InputError
from vitrail.indexer.recipes.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image
    from torch import Tensor

_SMALLEST = 1e-6  # a channel without any spread has no shape to give


def check(
    info: CheckpointInfo, sampling: Sampling, ip_adapter: IPAdapterFile | None = None
) -> Sampling:
    """How to sample, with this method's own defaults; nothing in it is left to chance.

    Raises:
        InputError: the checkpoint, the sampler, the number of images or an IP-Adapter does not go
            with it.
    """
    if ip_adapter is not None:
        raise InputError(
            "method attention shows the style by its own keys and values, and takes no "
            "IP-Adapter: leave it out, or use method statistics"
        )
    if info.family == "lcm" or info.inpaints:
        kind = "a latent consistency model" if info.family == "lcm" else "made for inpainting"
        raise InputError(
            f"{info.name!r} is {kind}, whose images cannot be taken back to noise: use method "
            f"statistics, or another checkpoint"
        )
    if sampling.scheduler not in (None, "ddim"):
        raise InputError(
            f"method attention takes the steps of ddim back, not those of {sampling.scheduler}: "
            f"leave the scheduler out"
        )
    if sampling.n > 1:
        raise InputError(
            f"method attention leaves nothing to chance, so that {sampling.n} images would be the "
            f"same: ask for one, and vary the strengths"
        )
    guidance = 1.0 if sampling.guidance is None else sampling.guidance
    return replace(sampling, scheduler="ddim", seed=0, guidance=guidance)


@dataclass(frozen=True)
class Weighted:
    """Latents, and where they count.

    Attributes:
        latents: (1, c, h, w).
        weights: (h, w), from 0, where they are left out, to 1.
    """

    latents: Tensor
    weights: Tensor


def draw(
    model: DiffusionModel, recipe: Recipe, content: InputImage, style: InputImage, monitor: Monitor
) -> Drawn:
    """The content in the look of the style.

    Both are taken back to noise without a prompt. From the content's, whose statistics move to
    the style's, the image is drawn with what the style lends. White ground takes no part in it.

    Raises:
        GenerationError: out of memory, or settings that the checkpoint cannot do.
        CancelledError: ``monitor`` cancels it.
    """
    size = (recipe.width, recipe.height)
    own = _weighted(model, content.image, size, foreground)
    other = _weighted(model, style.image, working_size(model.info, *style.image.size), coloured)
    strength, blend = recipe.content_strength or 0.0, recipe.style_strength or 0.0
    if strength == 0:
        return redraw(model, recipe, aligned(own, other, blend), 0.0, monitor)

    steps = steps_of(recipe.steps, strength)
    back, whole = REPEATS * steps, (2 * REPEATS + 1) * steps
    traces: list[Trace] = []

    def noisy() -> Tensor:
        traces[:] = (
            _trace(model, recipe, own, monitor.part(0, whole)),
            _trace(model, recipe, other, monitor.part(back, whole)),
        )
        return aligned(_noisiest(traces[0]), _noisiest(traces[1]), blend)

    @contextmanager
    def guide(pipeline: Any, _: Recipe) -> Iterator[dict[str, Any]]:
        injection = StyleInjection(traces[0], traces[1], blend, recipe.query_kept or 0.0)
        with injection.joined(pipeline.unet):
            yield {}

    # Without guidance the prompt has no say: it would draw the content's own colours again.
    asked = recipe if recipe.guidance > 1 else replace(recipe, prompt="")
    return resume(model, asked, noisy, strength, monitor.part(2 * back, whole), guide)


def aligned(content: Weighted, style: Weighted, blend: float) -> Tensor:
    """Move each channel's mean and standard deviation to the style's, where the content counts.

    Adaptive instance normalisation, Huang and Belongie 2017, of weighted statistics.

    Args:
        content: (1, c, h, w); what has no weight stays as it is.
        style: (1, c, h2, w2).
        blend: 0 gives the content, 1 the style's statistics.
    """
    latents = content.latents.float()
    mean, deviation = _moments(content)
    goal_mean, goal = _moments(style)
    wanted_mean, wanted = mean.lerp(goal_mean, blend), deviation.lerp(goal, blend)
    moved = (latents - mean) / deviation.clamp(min=_SMALLEST) * wanted + wanted_mean
    return latents.lerp(moved, content.weights).to(content.latents)


def _moments(one: Weighted) -> tuple[Tensor, Tensor]:
    """Weighted mean and standard deviation of each channel, (1, c, 1, 1)."""
    latents, shares = one.latents.float(), one.weights / one.weights.sum()
    mean = (latents * shares).sum((-2, -1), keepdim=True)
    return mean, ((latents - mean).square() * shares).sum((-2, -1), keepdim=True).sqrt()


def _weighted(
    model: DiffusionModel,
    image: Image,
    size: tuple[int, int],
    shares: Callable[[Image, tuple[int, int]], NDArray[np.float32]],
) -> Weighted:
    """Latents of an image at a size, weighted by what of it counts."""
    import torch

    latents = encode(model, resize(image, size))
    weights = torch.tensor(shares(image, (latents.shape[-2], latents.shape[-1])))
    return Weighted(latents, weights.to(latents.device))


def _trace(model: DiffusionModel, recipe: Recipe, given: Weighted, monitor: Monitor) -> Trace:
    steps, done = steps_of(recipe.steps, recipe.content_strength or 0.0), count(1)

    def after_step() -> None:
        monitor.step(next(done), 0)

    return invert(model, given.latents, steps, recipe.steps, given.weights, after_step)


def _noisiest(trace: Trace) -> Weighted:
    return Weighted(trace.latents[max(trace.latents)], trace.weights)
