"""The images of a run: read, held small, and made into batches that depend on the step alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vitrail.indexer.errors import ImageRejectedError, InputError
from vitrail.indexer.images.files import read_file
from vitrail.indexer.images.opening import open_image
from vitrail.indexer.images.preprocess import Preprocess, apply
from vitrail.indexer.paths import display
from vitrail.indexer.training.augmentation import STRENGTHS, augment
from vitrail.indexer.training.learning_options import Augmentation

Pixels = NDArray[np.uint8]
Ints = NDArray[np.int64]
HELD = 512 << 20
"""Bytes of images that are held in memory; the others are read again each time."""
_MARGIN = 1.3  # how many times the encoder's side an image is kept, so that crops stay sharp


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An image to learn from.

    Attributes:
        path: of its file.
        sha256: (hex) of the file's bytes; another file in its place is refused.
        target: number of its label; 0 where there are no labels.
    """

    path: str
    sha256: str
    target: int = 0


@dataclass(slots=True)
class TrainingImages:
    """Images of a run, by their places; threads may share it.

    Attributes:
        images: in order.
        preprocess: pixels as the encoder wants them.
        augmentation: what is done to them in training.
        seed: of the augmentation.
        held: bytes of images that are kept in memory.
    """

    images: Sequence[LabelledImage]
    preprocess: Preprocess
    augmentation: Augmentation = "none"
    seed: int = 0
    held: int = HELD
    _kept: dict[int, Pixels] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def targets(self) -> Ints:
        """(n,) int64 numbers of the labels."""
        return np.array([image.target for image in self.images], np.int64)

    def plain(self, place: int) -> Pixels:
        """An image's pixels as the encoder sees it in use, (S, S, 3) uint8.

        Raises:
            InputError: its file is gone, broken or another one by now.
        """
        opened = self._open(place)
        return apply(self.preprocess, opened[0], opened[1])

    def augmented(self, place: int, epoch: int, view: int = 0, side: int | None = None) -> Pixels:
        """An image's pixels as training sees it, (S, S, 3) uint8.

        They depend on the seed, the image's place, the epoch and the view, and on nothing else: a
        run that goes on needs no state of any generator.

        Args:
            place: of the image.
            epoch: from 0.
            view: of several of it in an epoch.
            side: S in pixels; ``None`` is the encoder's own.

        Raises:
            InputError: its file is gone, broken or another one by now.
        """
        image = Image.fromarray(self._small(place))
        own = self.preprocess.image_size
        if self.augmentation == "none":
            return _resized(apply(self.preprocess, image), side or own)
        chance = np.random.default_rng([self.seed, epoch, view, place])
        return augment(image, side or own, STRENGTHS[self.augmentation], chance)

    def opened(self, place: int) -> Image.Image:
        """An image itself, upright RGB.

        Raises:
            InputError: its file is gone, broken or another one by now.
        """
        return self._open(place)[0]

    def _small(self, place: int) -> Pixels:
        kept = self._kept.get(place)
        if kept is not None:
            return kept
        image = self._open(place)[0]
        side = round(_MARGIN * self.preprocess.image_size)
        if min(image.size) > side:
            share = side / min(image.size)
            width, height = (max(side, round(length * share)) for length in image.size)
            image = image.resize((width, height), Image.Resampling.BICUBIC)
        pixels = np.array(image, dtype=np.uint8)
        with self._guard:
            if self.held >= pixels.nbytes and place not in self._kept:
                self.held -= pixels.nbytes
                self._kept[place] = pixels
        return pixels

    def _open(self, place: int) -> tuple[Image.Image, tuple[int, int]]:
        one = self.images[place]
        try:
            opened = open_image(_unchanged(one), target=self.preprocess.target)
        except ImageRejectedError as error:
            raise InputError(
                f"{display(one.path)!r} cannot be learned from any more ({error.detail}): bring it "
                "back, and run the same command to go on"
            ) from error
        return opened.image, (opened.width, opened.height)


def _resized(pixels: Pixels, side: int) -> Pixels:
    if pixels.shape[0] == side:
        return pixels
    image = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
    return np.array(image, dtype=np.uint8)


def _unchanged(image: LabelledImage) -> bytes:
    found = read_file(image.path)
    if found.sha256 != image.sha256:
        raise ImageRejectedError("changing", "it is another file than when the run began")
    return found.data


def drawn(count: int, step: int, batch: int, seed: int) -> tuple[Ints, Ints]:
    """The places of a step's images, and the epoch of each.

    Images come in another order each epoch; batches run on over the end of an epoch, so that each
    is full and each image is seen as often as any other.

    Args:
        count: how many images there are.
        step: from 0.
        batch: images a step.
        seed: of the order.

    Returns:
        (batch,) int64 places and (batch,) int64 epochs.
    """
    positions = np.arange(step * batch, (step + 1) * batch, dtype=np.int64)
    epochs = positions // count
    places = np.empty(batch, np.int64)
    for epoch in np.unique(epochs).tolist():
        order = np.random.default_rng([seed, epoch]).permutation(count)
        own = epochs == epoch
        places[own] = order[positions[own] % count]
    return places, epochs
