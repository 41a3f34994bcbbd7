"""Inpainting: part of an image drawn anew, every other pixel exactly as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vitrail.generator.adapters.loras import LoraFile
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import DEFAULTS, Sampling, check_sampling, check_strength
from vitrail.generator.images import InputImage
from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.generator.monitoring import Monitor
from vitrail.generator.tasks.denoising import redraw, repaint
from vitrail.generator.tasks.latents import Drawn, Kept, encode
from vitrail.generator.tasks.masks import (
    MAX_FEATHER,
    Mask,
    box_mask,
    coarse,
    composite,
    image_mask,
    polygon_mask,
    size_mismatch,
)
from vitrail.generator.tasks.planning import base_recipe, seeded
from vitrail.generator.tasks.sizes import working_size
from vitrail.generator.tasks.task import Inputs, Task, input_of
from vitrail.indexer.errors import InputError
from vitrail.indexer.recipes.recipe import Recipe

NAME = "inpaint"


def plan(
    info: CheckpointInfo,
    prompt: str,
    init: InputImage,
    mask: Mask,
    *,
    strength: float = 1.0,
    feather: int = 0,
    sampling: Sampling = DEFAULTS,
    loras: Sequence[LoraFile] = (),
) -> list[Recipe]:
    """Recipes of ``sampling.n`` repaintings from consecutive seeds; loads nothing.

    The result has the image's size. Work is done at the nearest size the checkpoint is good at.

    Args:
        info: which checkpoint.
        prompt: what to draw in the mask.
        init: the image.
        mask: what to repaint.
        strength: 1 draws from pure noise, less keeps something of what was there.
        feather: pixels inside the mask's edge over which old and new blend.
        sampling: how.
        loras: low-rank weights to lay over the checkpoint.

    Raises:
        InputError: what cannot be drawn, with the remedy.
    """
    check_sampling(info, prompt, sampling)
    if mask.image.size != init.image.size:
        name = mask.source.name if mask.source is not None else "the mask"
        raise size_mismatch(name, mask.image.size, init.image.size)
    if not 0 <= feather <= MAX_FEATHER:
        raise InputError(f"feather {feather} is out of range: give 0 to {MAX_FEATHER} pixels")
    working_size(info, *init.image.size, init.name)  # refuses what is too thin
    parents = [init.parent("init")]
    if mask.source is not None:
        parents.append(mask.source.parent("mask"))
    recipe = replace(
        base_recipe(info, NAME, prompt, sampling, init.image.size, loras),
        strength=check_strength("strength", strength),
        mask=mask.record(feather),
        parents=tuple(parents),
    )
    return seeded(recipe, sampling.n)


def _draw(model: DiffusionModel, recipe: Recipe, inputs: Inputs, monitor: Monitor) -> Drawn:
    init = input_of(recipe, inputs, "init")
    mask = _mask(recipe, inputs, init)
    strength = recipe.strength or 0.0
    if strength == 0:
        return init.image, None  # nothing was drawn, so there is nothing to judge
    frame = _Frame(model.info, init.image.size)
    image, marked = frame.put(init.image), frame.put_mask(mask.image)
    working = replace(recipe, width=frame.size[0], height=frame.size[1])
    cell = _cell(model)
    cells = coarse(marked, cell)
    if model.info.inpaints:
        enlarged = Image.fromarray(
            np.uint8(255) * np.kron(cells, np.ones((cell, cell))).astype(np.uint8)
        )
        painted, nsfw = repaint(model, working, image, enlarged, strength, monitor)
    else:
        painted, nsfw = _blend(model, working, image, cells, monitor)
    feather = recipe.mask.feather if recipe.mask else 0
    return composite(init.image, frame.take(painted), mask.image, feather), nsfw


def _mask(recipe: Recipe, inputs: Inputs, init: InputImage) -> Mask:
    record = recipe.mask
    if record is None:
        raise InputError("the recipe of this inpaint names no mask: it is incomplete")
    size = init.image.size
    if record.kind == "box":
        mask = box_mask(record.shape, size)
    elif record.kind == "polygon":
        mask = polygon_mask(record.shape, size)
    else:
        mask = image_mask(input_of(recipe, inputs, "mask"), size)
    if mask.record(record.feather).content_hash != record.content_hash:
        raise InputError("the mask is not the one the recipe names: it may have been altered")
    return mask


def _blend(
    model: DiffusionModel,
    recipe: Recipe,
    image: Image.Image,
    cells: NDArray[np.float32],
    monitor: Monitor,
) -> Drawn:
    """An ordinary checkpoint: the image's own latents hold the rest in place."""
    import torch

    latents = encode(model, image)
    keep = Kept(latents, torch.from_numpy(cells)[None, None])
    return redraw(model, recipe, latents, recipe.strength or 0.0, monitor, keep)


def _cell(model: DiffusionModel) -> int:
    """Pixels a side that one latent stands for."""
    factor: int = model.pipeline(
        "inpaint" if model.info.inpaints else "image", "ddim"
    ).vae_scale_factor
    return factor


class _Frame:
    """Between the image's size and the working size: scaled down if need be, then padded.

    Padding rather than stretching keeps pixels where they are when the size is nearly right.
    """

    def __init__(self, info: CheckpointInfo, size: tuple[int, int]) -> None:
        best = working_size(info, *size)
        step = info.multiple
        scale = min(1.0, max(best[0] / size[0], best[1] / size[1]))
        near = all(abs(b - s) < step for b, s in zip(best, size, strict=True))
        self.original = size
        scaled = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
        self.inner = size if near else scaled
        self.size = (-(-self.inner[0] // step) * step, -(-self.inner[1] // step) * step)

    def put(self, image: Image.Image) -> Image.Image:
        """The image at the working size, its edge pixels repeated into the padding."""
        scaled = (
            image
            if image.size == self.inner
            else image.resize(self.inner, Image.Resampling.LANCZOS)
        )
        return self._pad(scaled)

    def put_mask(self, mask: Image.Image) -> Image.Image:
        """The mask at the working size, every pixel marked that was touched at all."""
        if mask.size != self.inner:
            # A box filter leaves no marked pixel without a trace.
            mask = mask.resize(self.inner, Image.Resampling.BOX).point([0] + [255] * 255)
        return self._pad(mask)

    def take(self, painted: Image.Image) -> Image.Image:
        """A result of the working size at the image's own."""
        cut = painted.crop((0, 0, self.inner[0], self.inner[1]))
        return (
            cut
            if cut.size == self.original
            else cut.resize(self.original, Image.Resampling.LANCZOS)
        )

    def _pad(self, image: Image.Image) -> Image.Image:
        pixels = np.asarray(image)
        right, below = (w - i for w, i in zip(self.size, self.inner, strict=True))
        widths = [(0, below), (0, right)] + [(0, 0)] * (pixels.ndim - 2)
        return Image.fromarray(np.pad(pixels, widths, mode="edge"))


TASK = Task(NAME, ("init", "mask"), plan, _draw)
