"""The user's images that an export is calibrated and measured on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.encoders.batching import encode_resilient
from vitrail.indexer.errors import ImageRejectedError, InputError
from vitrail.indexer.export.certificate import Embedded
from vitrail.indexer.images.preprocess import Preprocess, apply
from vitrail.indexer.vectors.sampling import evenly_spaced
from vitrail.indexer.wording import counted, too_few
from vitrail.service.operations.progress import AnalysisProgress, Note, Progress
from vitrail.service.operations.tuning_samples import altered_copies, image_to_copy

if TYPE_CHECKING:
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.service.operations.collection import Collection

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
FEWEST = 24  # images below which nothing can be told
_BATCH = 16


@dataclass(frozen=True, slots=True)
class ExportImages:
    """Pixels as the encoder is given them.

    Attributes:
        measured: (n, S, S, 3) uint8, on which vectors and searches are compared.
        copies: (m, S, S, 3) uint8, altered copies of some of these.
        own: (m,) int64, the measured image that each copy is of.
        calibrating: (c, S, S, 3) uint8, other images, on which steps and layers are chosen; empty
            where nothing is.
    """

    measured: Pixels
    copies: Pixels
    own: NDArray[np.int64]
    calibrating: Pixels


@dataclass(frozen=True, slots=True)
class ImageReader:
    """Reads images, and tells how far it is.

    Attributes:
        sample: images at most.
        copied: of the measured ones, how many are copied, each in six ways.
        seed: of the draw.
        progress: told of them.
        cancellation: looked at after each.
    """

    sample: int
    copied: int
    seed: int
    progress: Progress
    cancellation: Cancellation

    def read(self, paths: Sequence[str], spec: Preprocess, *, calibrates: bool) -> ExportImages:
        """Read files, a third of them to calibrate by where that is wanted.

        Raises:
            InputError: too few of them can be read.
            CancelledError: somebody asked to stop.
        """
        kept, pixels = self._pixels(paths, spec)
        if len(kept) < FEWEST:
            raise InputError(
                f"{too_few(len(kept), 'image that can be read', 'images that can be read')} to "
                f"hold an export against its source by; give at least {FEWEST}"
            )
        apart = np.arange(len(kept)) % 3 == 2 if calibrates else np.zeros(len(kept), bool)
        stays = np.flatnonzero(~apart)
        copies, own = self._copies([kept[i] for i in stays.tolist()], spec)
        return ExportImages(pixels[stays], copies, own, pixels[apart])

    def _pixels(self, paths: Sequence[str], spec: Preprocess) -> tuple[list[str], Pixels]:
        from vitrail.search.images import read_pixels

        kept, pixels = [], []
        for number, path in enumerate(paths, 1):
            with suppress(ImageRejectedError):
                pixels.append(read_pixels(path, spec))
                kept.append(path)
            self.tell("reading images", number, len(paths))
        if lost := len(paths) - len(kept):
            self.progress(Note(f"{counted(lost, 'image')} could not be read and did not count"))
        side = spec.image_size
        return kept, np.stack(pixels) if pixels else np.zeros((0, side, side, 3), np.uint8)

    def _copies(self, paths: Sequence[str], spec: Preprocess) -> tuple[Pixels, NDArray[np.int64]]:
        copies, own = [], []
        rows = evenly_spaced(len(paths), min(self.copied, len(paths))).tolist()
        for number, row in enumerate(rows, 1):
            made = altered_copies(image_to_copy(paths[row]))
            copies += [apply(spec, one) for one in made]
            own += [row] * len(made)
            self.tell("copying images", number, len(rows))
        return np.stack(copies), np.array(own, np.int64)

    def tell(self, doing: str, done: int, total: int) -> None:
        """Say how far it is, and stop if that was asked."""
        self.cancellation.check()
        self.progress(AnalysisProgress(doing, done, total, "image"))

    def embedded(self, encoder: Encoder, images: ExportImages, doing: str) -> Embedded:
        """What an encoder makes of the measured images and the copies.

        Raises:
            CancelledError: somebody asked to stop.
        """
        total = len(images.measured) + len(images.copies)
        rows, labels = self._rows(encoder, images.measured, doing, 0, total)
        copies, _ = self._rows(encoder, images.copies, doing, len(images.measured), total)
        return Embedded(rows, copies, labels)

    def _rows(
        self, encoder: Encoder, pixels: Pixels, doing: str, before: int, total: int
    ) -> tuple[dict[str, Floats], NDArray[np.int64] | None]:
        parts, labels = [], []
        for batch in batches(pixels):
            made = encode_resilient(encoder, batch)
            parts.append(made.vectors)
            if made.logits is not None:
                labels.append(made.logits.argmax(axis=1).astype(np.int64))
            before += len(batch)
            self.tell(doing, before, total)
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return joined, np.concatenate(labels) if labels else None


def batches(pixels: Pixels) -> Iterator[Pixels]:
    """Some images at a time, as an encoder is given them."""
    for first in range(0, len(pixels), _BATCH):
        yield pixels[first : first + _BATCH]


def paths_of_collection(collection: Collection, sample: int, seed: int) -> list[str]:
    """Files of some of a collection's images, drawn at random."""
    from vitrail.search.listing import ListOptions, list_images

    found = list_images(collection.store, ListOptions(sample=sample, seed=seed))
    return [image.path for image in found if image.path is not None]


def paths_of_folder(folder: str, sample: int, seed: int) -> list[str]:
    """Some image files of a folder, at any depth, drawn at random.

    Raises:
        InputError: there is no such folder.
    """
    from vitrail.indexer.indexing.globs import PathFilter
    from vitrail.indexer.indexing.scan import FoundFile, Walk

    if not os.path.isdir(folder):
        raise InputError(f"there is no folder {folder}: name one that holds images")
    found = sorted(
        one.path
        for one in Walk(os.path.abspath(folder), PathFilter())
        if isinstance(one, FoundFile)
    )
    if len(found) <= sample:
        return found
    chosen = np.random.default_rng(seed).choice(len(found), sample, replace=False)
    return [found[i] for i in sorted(chosen.tolist())]
