"""Images with captions, cut to what a checkpoint draws, and kept as latents and text states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vitrail.generator.training.images import to_tensor
from vitrail.indexer.errors import ImageRejectedError, InputError
from vitrail.indexer.images.files import read_file
from vitrail.indexer.images.opening import open_image
from vitrail.indexer.paths import display

_BATCH = 4  # images, or captions, that go through a model at once


@dataclass(frozen=True, slots=True)
class CaptionedImage:
    """An image to learn from.

    Attributes:
        path: of its file.
        sha256: (hex) of the file's bytes; another file in its place is refused.
        caption: what it shows, as a prompt would say it.
    """

    path: str
    sha256: str
    caption: str


@dataclass(frozen=True, slots=True)
class CutImage:
    """A square cut out of an image.

    Attributes:
        pixels: RGB, of the side that was asked for.
        place: width and height of the whole, and left and top of the square, scaled: what SDXL is
            told of its images, as height, width, top, left, height, width.
    """

    pixels: Image.Image
    place: tuple[int, int, int, int, int, int]


def cut_square(image: Image.Image, side: int, whole: tuple[int, int] | None = None) -> CutImage:
    """The middle of an image as a square, its shorter edge scaled to the side.

    Args:
        image: RGB.
        side: in pixels.
        whole: (width, height) that it had, where it was decoded smaller.
    """
    width, height = whole or image.size
    share = side / min(image.size)
    scaled = tuple(max(side, round(edge * share)) for edge in image.size)
    left, top = (scaled[0] - side) // 2, (scaled[1] - side) // 2
    resized = image.resize((scaled[0], scaled[1]), Image.Resampling.LANCZOS)
    square = resized.crop((left, top, left + side, top + side))
    return CutImage(square, (height, width, top, left, side, side))


def read_cut(image: CaptionedImage, side: int) -> CutImage:
    """An image's square.

    Raises:
        InputError: its file is gone, broken or another one by now.
    """
    try:
        opened = open_image(_unchanged(image), target=side)
    except ImageRejectedError as error:
        raise InputError(
            f"{display(image.path)!r} cannot be learned from any more ({error.detail}): bring it "
            "back, and run the same command to go on"
        ) from error
    return cut_square(opened.image, side, (opened.width, opened.height))


def _unchanged(image: CaptionedImage) -> bytes:
    found = read_file(image.path)
    if found.sha256 != image.sha256:
        raise ImageRejectedError("changing", "it is another file than when the run began")
    return found.data


@dataclass(frozen=True, slots=True)
class KeptLatents:
    """Images as an autoencoder has them.

    Attributes:
        mean: (v, n, c, h, w) float32, of v ways to see each: as it is, and mirrored where asked.
        deviation: likewise.
        places: (n, 6) float32; see ``CutImage.place``.
    """

    mean: Tensor
    deviation: Tensor
    places: Tensor

    def __len__(self) -> int:
        return self.mean.shape[1]


Tell = Callable[[int], None]


@torch.no_grad()
def encode_images(
    pipeline: Any, images: Sequence[CaptionedImage], side: int, *, mirror: bool, tell: Tell
) -> KeptLatents:
    """Read images and encode each, once for the whole run.

    Args:
        pipeline: whose autoencoder does it, on its device.
        images: n of them, 1 at least.
        side: in pixels that they are cut to.
        mirror: whether they are encoded mirrored, too.
        tell: called with how many are done; what it raises ends the work.

    Raises:
        InputError: a file is gone, broken or another one by now.
    """
    means, deviations, places = [], [], []
    for first in range(0, len(images), _BATCH):
        cuts = [read_cut(image, side) for image in images[first : first + _BATCH]]
        pixels = to_tensor([cut.pixels for cut in cuts])
        seen = torch.stack([pixels, pixels.flip(-1)] if mirror else [pixels])
        found = pipeline.vae.encode(seen.flatten(0, 1).to(pipeline.vae.device)).latent_dist
        shape = (len(seen), len(cuts))
        means.append(found.mean.cpu().unflatten(0, shape))
        deviations.append(found.std.cpu().unflatten(0, shape))
        places += [cut.place for cut in cuts]
        tell(first + len(cuts))
    return KeptLatents(
        torch.cat(means, dim=1),
        torch.cat(deviations, dim=1),
        torch.from_numpy(np.array(places, np.float32)),
    )


@dataclass(frozen=True, slots=True)
class TextStates:
    """Captions as a U-Net is told them.

    Attributes:
        hidden: (m, t, d) float32, a row a token.
        pooled: (m, p) float32, of the whole; ``None`` where the U-Net takes none.
    """

    hidden: Tensor
    pooled: Tensor | None

    def chosen(self, places: Tensor) -> TextStates:
        """Those of some captions, by their places (n,) int64."""
        pooled = None if self.pooled is None else self.pooled[places]
        return TextStates(self.hidden[places], pooled)


def encode_captions(pipeline: Any, captions: Sequence[str]) -> TextStates:
    """What the text encoders make of captions, each as its pipeline would have it.

    Empty ones, which stand for none, are zeros where the checkpoint wants that (SDXL).

    Args:
        pipeline: whose text encoders do it, on their device.
        captions: m of them, 1 at least.
    """
    found = pipeline.encode_prompt(
        prompt=list(captions),
        device=pipeline.unet.device,
        num_images_per_prompt=1,
        do_classifier_free_guidance=False,
    )
    hidden, pooled = found[0], found[2] if len(found) > 2 else None
    if pipeline.config.get("force_zeros_for_empty_prompt"):
        said = torch.tensor([float(bool(one)) for one in captions], device=hidden.device)
        hidden = hidden * said[:, None, None]
        pooled = None if pooled is None else pooled * said[:, None]
    return TextStates(hidden, pooled)


@torch.no_grad()
def keep_captions(pipeline: Any, captions: Sequence[str], tell: Tell) -> TextStates:
    """``encode_captions`` of many, a few at a time, kept on the CPU.

    Args:
        pipeline: whose text encoders do it.
        captions: m of them, 1 at least.
        tell: called with how many are done; what it raises ends the work.
    """
    parts = []
    for first in range(0, len(captions), _BATCH):
        parts.append(encode_captions(pipeline, captions[first : first + _BATCH]))
        tell(min(first + _BATCH, len(captions)))
    pooled = [one.pooled.cpu() for one in parts if one.pooled is not None]
    return TextStates(
        torch.cat([one.hidden.cpu() for one in parts]), torch.cat(pooled) if pooled else None
    )
