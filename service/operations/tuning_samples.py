"""The sample that spaces are measured on: drawn, embedded in all of them, and copied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import ImageRejectedError, InputError
from vitrail.indexer.vectors.sampling import evenly_spaced
from vitrail.indexer.wording import counted, too_few
from vitrail.search.listing import ListOptions, list_images
from vitrail.search.measures import folds
from vitrail.search.sorting import column_name
from vitrail.search.tuning import Trial, copies_task, labels_task
from vitrail.service.operations.progress import Note, Progress, TuningProgress

if TYPE_CHECKING:
    from PIL import Image

    from vitrail.indexer.encoders.base import Encoder
    from vitrail.service.operations.collection import Collection

Floats = NDArray[np.float32]
FEWEST = 20  # images below which nothing can be told
_FOLDS = 5
_VOTES = 5  # nearest images whose labels vote


@dataclass(frozen=True, slots=True)
class TuningOptions:
    """How spaces are measured.

    Attributes:
        labels: the column whose values tell which images belong together; ``None`` for planted
            copies, which every collection has.
        sample: images at most.
        copied: of these, how many are copied, each in six ways of three changes.
        mixes: whether mixtures of two and three spaces are tried.
        seed: of the draw and of the folds.

    Raises:
        InputError: fewer images than can tell anything.
    """

    labels: str | None = None
    sample: int = 500
    copied: int = 60
    mixes: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("sample", "copied"):
            if getattr(self, name) < FEWEST:
                raise InputError(
                    f"{name} is {getattr(self, name)}, but {FEWEST} images at least are needed to "
                    "tell anything"
                )


@dataclass(frozen=True, slots=True)
class Drawn:
    """An image of the sample: its file, and its label (0 without)."""

    path: str
    label: int


@dataclass(frozen=True, slots=True)
class TuningSample:
    """What a run draws from, and whom it tells.

    Attributes:
        collection: whose images are drawn.
        options: how many, and by which labels.
        progress: told of them.
        cancellation: looked at after each few.
    """

    collection: Collection
    options: TuningOptions
    progress: Progress
    cancellation: Cancellation

    def on_space(self, name: str) -> None:
        """Tell that a candidate is measured."""
        self.cancellation.check()
        self.progress(TuningProgress("measuring", what=name))

    def draw(self) -> list[Drawn]:
        """The sample, before any encoder is loaded."""
        return self._unlabelled() if self.options.labels is None else self._labelled()

    def _unlabelled(self) -> list[Drawn]:
        listed = self._listed(None, ())
        drawn = [Drawn(path, 0) for path, _ in listed]
        if len(drawn) < FEWEST:
            raise InputError(
                f"{too_few(len(drawn), 'image with a file', 'images with a file')} to measure "
                f"spaces by; index at least {FEWEST}"
            )
        return drawn

    def _labelled(self) -> list[Drawn]:
        column = column_name(self.collection.store, str(self.options.labels), "--labels")
        listed = self._listed(f'"{column.replace(chr(34), chr(34) * 2)}" is not null', (column,))
        values = [str(value) for _, value in listed]
        counts = {value: values.count(value) for value in dict.fromkeys(values)}
        kept = [value for value, count in counts.items() if count > 1]
        number = {value: i for i, value in enumerate(kept)}
        drawn = [
            Drawn(path, number[value])
            for (path, _), value in zip(listed, values, strict=True)
            if value in number
        ]
        _check_labels(column, len(drawn), len(kept), len(values))
        return drawn

    def _listed(self, where: str | None, columns: Sequence[str]) -> list[tuple[str, object]]:
        chosen = ListOptions(
            where=where, columns=columns, sample=self.options.sample, seed=self.options.seed
        )
        found = list_images(self.collection.store, chosen)
        return [
            (image.path, image.values[columns[0]] if columns else None)
            for image in found
            if image.path is not None
        ]

    def task(self, encoder: Encoder, drawn: Sequence[Drawn]) -> tuple[Trial, int, int]:
        """The questions, of how many images, and with how many labels."""
        rows, kept = self._embedded(encoder, drawn)
        labels = np.array([drawn[i].label for i in kept], np.int64)
        fold_of = folds(labels, _FOLDS, self.options.seed)
        if self.options.labels is not None:
            kinds = len(np.unique(labels))
            _check_labels(self.options.labels, len(kept), kinds, len(drawn))
            return labels_task(rows, labels, fold_of, _VOTES), len(kept), kinds
        if len(kept) < FEWEST:
            raise InputError(
                f"the files of {counted(len(kept), 'image')} can be read now, and {FEWEST} are "
                "needed; mount what is away, or index again"
            )
        copies, own = self._copied(encoder, [drawn[i].path for i in kept])
        return copies_task(copies, rows, own, fold_of), len(kept), 0

    def _embedded(
        self, encoder: Encoder, drawn: Sequence[Drawn]
    ) -> tuple[dict[str, Floats], list[int]]:
        """Rows of the images that can be read, and which these are."""
        from vitrail.search.images import read_pixels

        def pixels() -> Iterator[tuple[int, NDArray[np.uint8]]]:
            for i, image in enumerate(drawn):
                with suppress(ImageRejectedError):
                    yield i, read_pixels(image.path, encoder.preprocess)

        kept, parts = [], []
        for batch in _batches(pixels()):
            kept += [i for i, _ in batch]
            parts.append(_encoded(encoder, [one for _, one in batch]))
            self._tell("embedding", len(kept), len(drawn))
        if lost := len(drawn) - len(kept):
            self.progress(Note(f"{counted(lost, 'image')} could not be read and did not count"))
        return _joined(parts), kept

    def _copied(
        self, encoder: Encoder, paths: Sequence[str]
    ) -> tuple[dict[str, Floats], NDArray[np.int64]]:
        """Rows of copies that are planted of some images, and of which each is one."""
        from vitrail.indexer.images.preprocess import apply

        wanted = min(self.options.copied, len(paths))
        parts, own = [], []
        for row in evenly_spaced(len(paths), wanted).tolist():
            made = altered(whole_image(paths[row]))
            parts.append(_encoded(encoder, [apply(encoder.preprocess, one) for one in made]))
            own += [row] * len(made)
            self._tell("copying", len(parts), wanted)
        return _joined(parts), np.array(own, np.int64)

    def _tell(self, stage: Literal["embedding", "copying"], done: int, total: int) -> None:
        self.cancellation.check()
        self.progress(TuningProgress(stage, done, total))


def _check_labels(column: str, images: int, kinds: int, with_value: int) -> None:
    """Refuse what no cross-validation can be made of."""
    remedy = (
        "label more images (`vitrail annotate`, or index with --label-from parent), or measure by "
        "planted copies with --copies"
    )
    if not with_value:
        raise InputError(f"no image has a value in column {column!r}; {remedy}")
    if kinds < 2:
        raise InputError(
            f"column {column!r} has {counted(kinds, 'value')} that two images share, where two are "
            f"needed to tell images apart; {remedy}"
        )
    if images < FEWEST:
        raise InputError(
            f"{too_few(images, 'image with a label', 'images with labels')} to measure spaces by, "
            f"where {FEWEST} are needed; {remedy}"
        )


# Each is three changes one after the other: after a single one hardly any layer misses a copy.
ALTERED = (
    ("cropped", "flipped", "compressed"),
    ("cropped", "recoloured", "resized"),
    ("flipped", "overlaid", "compressed"),
    ("recoloured", "overlaid", "resized"),
    ("cropped", "cropped", "overlaid"),
    ("flipped", "recoloured", "compressed"),
)


def altered(image: Image.Image) -> list[Image.Image]:
    """Copies of an RGB image as they come back after a while among strangers."""
    from vitrail.search.calibration.planting import KINDS

    made = []
    for names in ALTERED:
        copy = image
        for name in names:
            copy = KINDS[name](copy)
        made.append(copy)
    return made


def whole_image(path: str) -> Image.Image:
    """An image file as copies are made of it, RGB.

    Raises:
        ImageRejectedError: it cannot be opened.
    """
    from vitrail.indexer.images.files import read_file
    from vitrail.indexer.images.opening import open_image
    from vitrail.search.calibration.planting import SIDE

    return open_image(read_file(path).data, target=SIDE).image


def _batches(
    images: Iterator[tuple[int, NDArray[np.uint8]]],
) -> Iterator[list[tuple[int, NDArray[np.uint8]]]]:
    while batch := list(islice(images, 16)):
        yield batch


def _encoded(encoder: Encoder, pixels: Sequence[NDArray[np.uint8]]) -> dict[str, Floats]:
    from vitrail.indexer.encoders.batching import encode_resilient

    return encode_resilient(encoder, np.stack(pixels)).vectors


def _joined(parts: Sequence[Mapping[str, Floats]]) -> dict[str, Floats]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
