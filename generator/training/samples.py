"""Images that a pipeline in training draws: sheets to look at, and the prior's."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checkpoints.schedulers import build_scheduler
from vitrail.generator.models.libraries import quiet
from vitrail.generator.training.images import to_tensor
from vitrail.generator.training.sheets import draw_sheet
from vitrail.indexer.files.durability import disk_guard, make_directory, replacing

_WIDTH = 256  # pixels that a sample of a sheet has at most
_COLUMNS = 2  # prompts beside one another
PRIOR_SEED = 1_000_000  # far from those that users look at


@dataclass(frozen=True, slots=True)
class Sampler:
    """Draws with a pipeline as it is now.

    Attributes:
        pipeline: diffusers' own.
        info: the checkpoint that it was, whose sampler, steps and guidance are used.
        side: width and height in pixels.
    """

    pipeline: Any
    info: CheckpointInfo
    side: int

    def draw(self, prompt: str, seeds: Sequence[int], check: Callable[[], None]) -> list[Any]:
        """An RGB image a seed.

        Args:
            prompt: what to draw.
            seeds: of the noise.
            check: called after each step; raises where somebody asked to stop.
        """

        def after_step(_: Any, __: int, ___: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            check()
            return tensors

        own = self.pipeline.scheduler
        kind = torch.device(self.pipeline.unet.device).type
        # fp16's range is too small for some autoencoders
        with quiet(), torch.autocast(kind, enabled=False):
            self.pipeline.scheduler = build_scheduler(self.info.scheduler, own.config)
            try:
                return [
                    self.pipeline(
                        prompt=prompt,
                        num_inference_steps=self.info.steps,
                        guidance_scale=self.info.guidance,
                        width=self.side,
                        height=self.side,
                        generator=torch.Generator().manual_seed(seed),
                        callback_on_step_end=after_step,
                    ).images[0]
                    for seed in seeds
                ]
            finally:
                self.pipeline.scheduler = own

    @torch.no_grad()
    def redraw(self, image: Image.Image) -> Image.Image:
        """What the autoencoder leaves of an image: the best that could be drawn of it.

        Args:
            image: RGB, of the sampler's side.

        Returns:
            RGB, of the same size.
        """
        vae = self.pipeline.vae
        with torch.autocast(torch.device(vae.device).type, enabled=False):
            pixels = to_tensor([image]).to(vae.device, vae.dtype)
            decoded = vae.decode(vae.encode(pixels).latent_dist.mode()).sample
        redrawn: Image.Image = self.pipeline.image_processor.postprocess(decoded.float())[0]
        return redrawn


def write_sheet(
    sampler: Sampler,
    prompts: Sequence[str],
    seeds: Sequence[int],
    path: str,
    check: Callable[[], None],
) -> None:
    """Draw each prompt from the same seeds, side by side with its caption, as a PNG file.

    Args:
        sampler: that draws.
        prompts: 1 at least.
        seeds: likewise.
        path: of the file, whose folder is made.
        check: called after each step; raises where somebody asked to stop.

    Raises:
        CollectionError: the disk is full.
    """
    rows = [
        (prompt, [_small(one) for one in sampler.draw(prompt, seeds, check)]) for prompt in prompts
    ]
    folder = os.path.dirname(path)
    with disk_guard(folder, 0):
        make_directory(folder)
        with replacing(path) as beside:
            scale = 2 if sampler.side <= _WIDTH // 2 else 1
            draw_sheet(rows, columns=_COLUMNS, scale=scale).save(beside, format="PNG")


def _small(image: Image.Image) -> Image.Image:
    if image.width <= _WIDTH:
        return image
    return image.resize((_WIDTH, round(image.height * _WIDTH / image.width)))


def draw_prior(
    sampler: Sampler,
    prompt: str,
    count: int,
    folder: str,
    tell: Callable[[int], None],
    check: Callable[[], None],
) -> list[Path]:
    """Images of what a prompt draws before anything is learned; those that are there stay.

    Args:
        sampler: that draws.
        prompt: of the class, such as ``a dog``.
        count: how many.
        folder: where they lie, one a seed.
        tell: called with how many are there.
        check: called after each step; raises where somebody asked to stop.

    Raises:
        CollectionError: the disk is full.
    """
    with disk_guard(folder, 0):
        make_directory(folder)
    made = []
    for number in range(count):
        tell(number)
        path = Path(folder) / f"{number:04d}.png"
        if not path.exists():
            (image,) = sampler.draw(prompt, [PRIOR_SEED + number], check)
            with disk_guard(folder, 0), replacing(str(path)) as beside:
                image.save(beside, format="PNG")
        made.append(path)
    return made
