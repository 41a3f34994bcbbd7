"""One fixed set of prompts and seeds, drawn by each checkpoint of a run; what is there stays."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from PIL import Image

from vitrail.generator.training.samples import Sampler
from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.files.durability import disk_guard, make_directory, replacing
from vitrail.indexer.images.files import read_file
from vitrail.indexer.images.opening import open_image


def place_in_set(folder: str, prompt: str, seed: int) -> str:
    """The path of the image that a prompt and a seed make.

    Args:
        folder: of all that one checkpoint makes.
        prompt: whose digest names a folder, whatever letters it has.
        seed: of the noise.
    """
    return os.path.join(folder, hashlib.sha256(prompt.encode()).hexdigest()[:12], f"{seed:04d}.png")


def draw_set(
    sampler: Sampler,
    folder: str,
    prompts: Sequence[str],
    seeds: Sequence[int],
    check: Callable[[], None],
) -> Iterator[tuple[str, Image.Image]]:
    """Each image's path and RGB pixels, prompt after prompt; those that are there are not drawn.

    Args:
        sampler: draws by the weights that the pipeline has now, which decide the folder.
        folder: of all that these weights make; one that is whole is never written to again.
        prompts: what to draw.
        seeds: of each.
        check: called after each step; raises where somebody asked to stop.

    Raises:
        CollectionError: the disk is full.
    """
    for prompt in prompts:
        for seed in seeds:
            path = place_in_set(folder, prompt, seed)
            image = _kept(path)
            if image is None:
                (image,) = sampler.draw(prompt, [seed], check)
                _keep(path, image)
            yield path, image


def _kept(path: str) -> Image.Image | None:
    """What was drawn before; one that was damaged since is drawn again."""
    with suppress(ImageRejectedError):
        return open_image(read_file(path).data).image
    return None


def _keep(path: str, image: Image.Image) -> None:
    folder = os.path.dirname(path)
    with disk_guard(folder, 0):
        make_directory(folder)
        with replacing(path) as beside:
            image.save(beside, format="PNG")
