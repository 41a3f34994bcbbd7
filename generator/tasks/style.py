"""Style transfer: one image's look given to another, by statistics or by attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from vitrail.generator.adapters.ip_adapters import IPAdapterFile, find_ip_adapter
from vitrail.generator.adapters.loras import LoraFile
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import DEFAULTS, Sampling, check_sampling, check_strength
from vitrail.generator.images import InputImage
from vitrail.generator.models.image_conditioning import ImageGuide
from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.generator.monitoring import Monitor
from vitrail.generator.tasks import style_attention
from vitrail.generator.tasks.denoising import redraw
from vitrail.generator.tasks.latents import Drawn, encode
from vitrail.generator.tasks.planning import base_recipe, seeded
from vitrail.generator.tasks.sizes import chosen_size, resize, working_size
from vitrail.generator.tasks.task import Inputs, Task, input_of
from vitrail.indexer.errors import InputError
from vitrail.indexer.recipes.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor

NAME = "style"
ROLES = ("content", "style")
STATISTICS, ATTENTION = METHODS = ("statistics", "attention")
STYLE_STRENGTH = 0.8
CONTENT_STRENGTHS = {STATISTICS: 0.4, ATTENTION: 0.8}
"""By method: how far the content is drawn anew, where it is not said."""
QUERY_KEPT = 0.3
_SMALLEST = 1e-6  # a channel without any spread has no shape to give


def adain(content: Tensor, style: Tensor, strength: float) -> Tensor:
    """Move each channel's mean and standard deviation from the content's to the style's.

    Adaptive instance normalisation, Huang and Belongie 2017, blended: the statistics of the result
    lie on the line between both, at ``strength``, so their distance to the style's is exactly
    ``1 - strength`` of what it was.

    Args:
        content: (n, c, h, w).
        style: (n, c, h2, w2).
        strength: 0 gives the content, 1 the style's statistics in full.
    """
    dims = (-2, -1)
    mean, deviation = (
        content.mean(dims, keepdim=True),
        content.std(dims, keepdim=True, correction=0),
    )
    wanted_mean = mean.lerp(style.mean(dims, keepdim=True), strength)
    wanted = deviation.lerp(style.std(dims, keepdim=True, correction=0), strength)
    return (content - mean) / deviation.clamp(min=_SMALLEST) * wanted + wanted_mean


def plan(
    info: CheckpointInfo,
    prompt: str,
    content: InputImage,
    style: InputImage,
    *,
    method: str = STATISTICS,
    style_strength: float = STYLE_STRENGTH,
    content_strength: float | None = None,
    query_kept: float | None = None,
    sampling: Sampling = DEFAULTS,
    width: int | None = None,
    height: int | None = None,
    loras: Sequence[LoraFile] = (),
    ip_adapter: IPAdapterFile | None = None,
) -> list[Recipe]:
    """Recipes of ``sampling.n`` transfers from consecutive seeds; loads nothing.

    Args:
        info: which checkpoint.
        prompt: what the content shows.
        content: the image whose things are kept.
        style: the image whose look is taken.
        method: one of ``METHODS``.
        style_strength: how far the latent statistics move to the style's, 0 to 1; by attention it
            blends what the style answers with what the content does by itself, too.
        content_strength: how far the result is noised and drawn anew, 0 to 1; by attention, how far
            both are taken back to noise. Without, the method's own.
        query_kept: share of the content's own query in what the style is asked, 0 to 1; only by
            attention.
        sampling: how.
        width: in pixels; without, nearly the content's own.
        height: in pixels; without, nearly the content's own.
        loras: low-rank weights to lay over the checkpoint.
        ip_adapter: by which the style conditions the denoising too. With a scale or a content
            strength of 0 it would do nothing, and is left out.

    Raises:
        InputError: what cannot be drawn, with the remedy.
    """
    check_sampling(info, prompt, sampling)
    if check_method(method) == ATTENTION:
        sampling = style_attention.check(info, sampling, ip_adapter)
        query_kept = QUERY_KEPT if query_kept is None else query_kept
    elif query_kept is not None:
        raise InputError(
            f"the query keeps a share, such as the {query_kept:g} given, by method {ATTENTION} "
            f"alone: give that method, or leave the share out"
        )
    size = chosen_size(info, content, width, height)
    working_size(info, *style.image.size, style.name)  # refuses what is too thin
    if content_strength is None:
        content_strength = CONTENT_STRENGTHS[method]
    recipe = replace(
        base_recipe(info, NAME, prompt, sampling, size, loras),
        style_strength=check_strength("style strength", style_strength),
        content_strength=check_strength("content strength", content_strength),
        style_method=ATTENTION if method == ATTENTION else None,
        query_kept=None if query_kept is None else check_strength("query kept", query_kept),
        ip_adapter=ip_adapter.record
        if ip_adapter is not None and ip_adapter.scale and content_strength
        else None,
        parents=(content.parent("content"), style.parent("style")),
    )
    return seeded(recipe, sampling.n)


def check_method(name: str) -> str:
    """The name itself.

    Raises:
        InputError: it is not in ``METHODS``.
    """
    if name not in METHODS:
        raise InputError(f"style method {name!r} is unknown: use one of {', '.join(METHODS)}")
    return name


def _draw(model: DiffusionModel, recipe: Recipe, inputs: Inputs, monitor: Monitor) -> Drawn:
    content, style = (input_of(recipe, inputs, role) for role in ROLES)
    if recipe.style_method == ATTENTION:
        return style_attention.draw(model, recipe, content, style, monitor)
    if recipe.style_method is not None:
        raise InputError(
            f"style method {recipe.style_method!r} is unknown to this version: use one of "
            f"{', '.join(METHODS)}"
        )
    guide = None
    if recipe.ip_adapter is not None:
        guide = ImageGuide(model, find_ip_adapter(recipe.ip_adapter, model.info), style.image)
    own = encode(model, resize(content.image, (recipe.width, recipe.height)))
    other = encode(model, resize(style.image, working_size(model.info, *style.image.size)))
    moved = adain(own.float(), other.float(), recipe.style_strength or 0.0).to(own)
    return redraw(model, recipe, moved, recipe.content_strength or 0.0, monitor, guide=guide)


TASK = Task(NAME, ROLES, plan, _draw)
