"""The images that an encoder learns from: found, labelled, looked at, and copies told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import ImageRejectedError, InputError
from vitrail.indexer.images.files import read_file
from vitrail.indexer.images.opening import open_image
from vitrail.indexer.indexing.ahead import map_ahead
from vitrail.indexer.paths import display
from vitrail.indexer.vectors.meetings import HeldVectors
from vitrail.search.classification.labelled import copy_groups
from vitrail.search.duplicates.candidates import alike_by_gist, find_candidates
from vitrail.search.duplicates.evidence import confirm
from vitrail.service.operations.looks import Looks
from vitrail.service.operations.progress import AnalysisProgress, Progress
from vitrail.service.operations.training_files import column_values, files_in, tell_left_out

if TYPE_CHECKING:
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.indexer.images.preprocess import Preprocess

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]
_BATCH = 16  # images of one forward pass
_TELL = 16  # pairs between two events


@dataclass(frozen=True, slots=True)
class TrainingSource:
    """Where images and their labels come from: folders, or a collection.

    Attributes:
        folders: whose subfolders are labels: an image has the name of the folder directly below
            the one that is named here, or that one's own if it lies in it.
        collection: the directory of a collection, in the place of folders.
        labels: the collection's column whose values are labels.
        where: SQL expression over its columns: which images are learned from.

    Raises:
        InputError: both, or neither.
    """

    folders: tuple[str, ...] = ()
    collection: str | None = None
    labels: str | None = None
    where: str | None = None

    def __post_init__(self) -> None:
        if self.folders and (self.labels is not None or self.where is not None):
            raise InputError(
                "folders were given beside labels or a filter of a collection: their subfolders "
                "are the labels; leave the one or the other out"
            )
        if not self.folders and self.labels is None:
            raise InputError(
                "nothing was given to learn from: name folders whose subfolders are labels, or a "
                "column of the collection by --labels"
            )


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A file that may be learned from, and its label."""

    path: str
    label: str


@dataclass(frozen=True, slots=True)
class ReadImage:
    """A file that was looked at.

    Attributes:
        path: of it.
        label: that it has.
        content_hash: sha256 (hex) of its bytes.
    """

    path: str
    label: str
    content_hash: str

    @property
    def paths(self) -> tuple[str, ...]:
        """Its only path."""
        return (self.path,)


@dataclass(frozen=True, slots=True)
class Surveyed:
    """Images that can be learned from.

    Attributes:
        images: n of them, each content once.
        rows: space -> (n, dim) float32 unit rows, as the encoder made them before training.
    """

    images: tuple[ReadImage, ...]
    rows: dict[str, Floats]


def find_training_images(source: TrainingSource) -> list[LabelledFile]:
    """The files of a source with their labels, by path.

    Raises:
        InputError: a folder is missing, or there is no such column, or no image has a label.
        CollectionError: the collection is missing or damaged.
    """
    found = [*_in_folders(source.folders)] if source.folders else _in_collection(source)
    if not found:
        raise InputError(f"no image with a label was found in {_named(source)}; name others")
    return sorted(found, key=lambda one: one.path)


def _named(source: TrainingSource) -> str:
    if source.folders:
        return ", ".join(map(display, source.folders))
    filtered = f" where {source.where}" if source.where else ""
    return f"the column {source.labels!r}{filtered}"


def _in_folders(folders: Sequence[str]) -> Iterator[LabelledFile]:
    for folder in folders:
        start, paths = files_in(folder, "name folders whose subfolders are labels")
        for path in paths:
            below = os.path.relpath(path, start).split(os.sep)
            label = below[0] if len(below) > 1 else os.path.basename(start)
            yield LabelledFile(path, display(label))


def _in_collection(source: TrainingSource) -> list[LabelledFile]:
    column, found = column_values(
        str(source.collection), str(source.labels), "--labels", source.where
    )
    if any(isinstance(value, list | tuple | dict) for _, value in found):
        raise InputError(
            f"column {column!r} holds several values of an image, which are no label; name another"
        )
    return [LabelledFile(path, str(value)) for path, value in found]


def survey_images(
    candidates: Sequence[LabelledFile],
    encoder: Encoder,
    progress: Progress,
    cancellation: Cancellation,
    *,
    workers: int | None = None,
) -> Surveyed:
    """Read and embed files; those that are broken, or have the content of another, are left out.

    Args:
        candidates: the files.
        encoder: that embeds them.
        progress: told how many were looked at.
        cancellation: looked at after each.
        workers: threads that read; ``None`` is one a core.

    Raises:
        CancelledError: somebody asked to stop.
    """
    rows: dict[str, list[Floats]] = {space.name: [] for space in encoder.spaces}
    images, waiting = [], []
    for image, pixels in _looked_at(
        candidates, encoder.preprocess, progress, cancellation, workers
    ):
        images.append(image)
        waiting.append(pixels)
        if len(waiting) == _BATCH:
            _embed(encoder, waiting, rows)
    _embed(encoder, waiting, rows)
    joined = {name: np.concatenate(parts) for name, parts in rows.items() if parts}
    return Surveyed(tuple(images), joined)


def read_images(
    candidates: Sequence[LabelledFile],
    preprocess: Preprocess,
    progress: Progress,
    cancellation: Cancellation,
) -> tuple[ReadImage, ...]:
    """The images that can be learned from, where nobody asks for their vectors.

    Args:
        candidates: the files.
        preprocess: of the encoder that learns.
        progress: told how many were looked at.
        cancellation: looked at after each.

    Raises:
        CancelledError: somebody asked to stop.
    """
    found = _looked_at(candidates, preprocess, progress, cancellation, None)
    return tuple(image for image, _ in found)


def _looked_at(
    candidates: Sequence[LabelledFile],
    preprocess: Preprocess,
    progress: Progress,
    cancellation: Cancellation,
    workers: int | None,
) -> Iterator[tuple[ReadImage, NDArray[np.uint8]]]:
    """Each content once, with its pixels; in the end those that are left out are told."""
    kept: set[str] = set()
    broken: list[str] = []
    read = map_ahead(lambda one: _read(one, preprocess), candidates, workers=workers, ahead=_BATCH)
    for done, found in enumerate(read, 1):
        cancellation.check()
        progress(AnalysisProgress("looking at images", done, len(candidates)))
        if isinstance(found, str):
            broken.append(found)
        elif found[0].content_hash not in kept:
            kept.add(found[0].content_hash)
            yield found
    tell_left_out(broken, len(candidates) - len(broken) - len(kept), progress)


def _read(one: LabelledFile, preprocess: Preprocess) -> tuple[ReadImage, NDArray[np.uint8]] | str:
    """An image and its pixels, or what is wrong with its file."""
    from vitrail.indexer.images.preprocess import apply

    try:
        found = read_file(one.path)
        opened = open_image(found.data, target=preprocess.target)
    except ImageRejectedError as error:
        return f"{display(one.path)} ({error.reason})"
    pixels = apply(preprocess, opened.image, (opened.width, opened.height))
    return ReadImage(one.path, one.label, found.sha256), pixels


def _embed(
    encoder: Encoder, waiting: list[NDArray[np.uint8]], rows: dict[str, list[Floats]]
) -> None:
    from vitrail.indexer.encoders.batching import encode_resilient

    if waiting:
        for name, found in encode_resilient(encoder, np.stack(waiting)).vectors.items():
            rows[name].append(found)
    waiting.clear()


def group_copies(
    surveyed: Surveyed, space: str, progress: Progress, cancellation: Cancellation
) -> Ids:
    """Which images are copies of one another, (n,) int64, as pixels show it.

    Pairs that are near by vectors, or alike when very small, are laid over one another, as
    ``vitrail duplicates`` does it.

    Args:
        surveyed: the images.
        space: whose vectors tell what is near.
        progress: told how many pairs are compared.
        cancellation: looked at between pairs.

    Raises:
        CancelledError: somebody asked to stop.
    """
    count = len(surveyed.images)
    looks = Looks(lambda place: surveyed.images[place])
    held = HeldVectors(np.arange(count, dtype=np.int64), surveyed.rows[space])
    near = find_candidates(held, stop=lambda: cancellation.cancelled)
    cancellation.check()
    pairs = [*zip(near.first.tolist(), near.second.tolist(), strict=True)]
    copies = _confirmed(pairs, looks, progress, cancellation.check)
    met = set(pairs)
    more = [pair for pair in alike_by_gist(looks.gists) if pair not in met]
    copies += _confirmed(more, looks, progress, cancellation.check)
    first, second = (np.array([pair[side] for pair in copies], np.int64) for side in (0, 1))
    return copy_groups(count, first, second)


def _confirmed(
    pairs: Sequence[tuple[int, int]], looks: Looks, progress: Progress, check: Callable[[], None]
) -> list[tuple[int, int]]:
    found = []
    for done, (one, other) in enumerate(pairs, 1):
        check()
        ours, theirs = looks.get(one), looks.get(other)
        if ours is not None and theirs is not None and confirm(ours, theirs) is not None:
            found.append((one, other))
        if done % _TELL == 0 or done == len(pairs):
            progress(AnalysisProgress("comparing pixels", done, len(pairs), "pair"))
    return found
